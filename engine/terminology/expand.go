package terminology

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// ExpandRequest is ValueSet/$expand (R4 §4.9.18.1).
type ExpandRequest struct {
	Options
	Stamp
	URL, Version string    // of the value set, or
	ValueSet     *ValueSet // itself
	Filter       string    // words that a display or code must hold
	// Count and Offset page through the expansion; -1: not given.
	Count, Offset       int
	IncludeDesignations bool
	IncludeDefinition   bool
	ExcludeNested       bool
	Designations        []string // "system|code" of uses, "urn:ietf:bcp:47|de" or "de" of languages: only these
	Properties          []string
	ExcludedSystems     []string // canonicals of code systems to leave out
	ExcludeNotForUI     bool     // leave out abstract codes
	// Given repeats the parameters in the expansion.
	Given []Parameter
}

// MaxExpansion bounds the codes of an expansion that is not paged, and of a
// page.
const MaxExpansion = 20_000

// Expansion is an expanded value set.
type Expansion struct {
	Stamp
	ValueSet   *ValueSet
	Definition bool // the compose is wanted as well
	Total      int
	Offset     int // -1: none
	Parameters []Parameter
	Properties []definitions.PropertyOf
	Contains   []Contained
	// Fragments are code systems of which only a part is at hand.
	Fragments []string
}

// Contained is one code of an expansion.
type Contained struct {
	System, Version, Code, Display string
	Abstract, Inactive             bool
	Designations                   []definitions.Designation
	Properties                     []definitions.ConceptValue
	Extensions                     []definitions.Extension
	Contains                       []Contained
}

// Expand expands a value set. What cannot be expanded is a *fault.Error that
// names the system or the include and says why; so is one with more codes than
// MaxExpansion, unless a page of it is asked for.
func (s *Service) Expand(ctx context.Context, r ExpandRequest) (*Expansion, error) {
	sc := s.scope(ctx, &r.Options)
	v, err := sc.requested(r.URL, r.Version, r.ValueSet)
	if err != nil {
		return nil, err
	}
	if err := sc.prepare(v); err != nil {
		return nil, err
	}
	if r.Languages.Text == "" {
		text := v.expansionParameter("displayLanguage")
		if text == "" {
			text = v.Language
		}
		if r.Languages, err = ParseLanguages(text); err != nil {
			return nil, err
		}
	}
	e := &expanding{scope: sc, r: &r, root: v, words: strings.Fields(strings.ToLower(r.Filter)), seen: newSeen()}
	if err := sc.walk(v, nil, e.take); err != nil {
		return nil, sc.notExpanded(v, err)
	}
	return e.result()
}

// requested is the value set that a request means.
func (s *scope) requested(url, version string, given *ValueSet) (*ValueSet, error) {
	if given != nil {
		return given, nil
	}
	if url == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "say which value set: by the parameter url or valueSet, or on an instance")
	}
	reference := url
	if version != "" && !strings.Contains(url, "|") {
		reference = canonical(url, version)
	}
	v, err := s.valueSet(reference, nil)
	if err == nil && v == nil {
		err = refuse(fault.NotFound, fault.CodeNotFound, "", "not-found", "Unable_to_resolve_value_Set_",
			"A definition for the value Set '%s' could not be found", reference)
	}
	return v, err
}

// notExpanded explains what an expansion lacked.
func (s *scope) notExpanded(v *ValueSet, err error) error {
	if missing, ok := errors.AsType[*unknownSystem](err); ok {
		return refuse(fault.Unprocessable, fault.CodeNotFound, "", "not-found", missing.id("_EXP"), "%s", missing.message("so the value set cannot be expanded"))
	}
	return err
}

// expanding collects the codes of an expansion.
type expanding struct {
	*scope
	r     *ExpandRequest
	root  *ValueSet
	words []string
	seen  seen
	total int
	page  []item
}

func (e *expanding) paged() bool { return e.r.Count >= 0 || e.r.Offset > 0 }

// take counts an item and keeps it if it is on the page.
func (e *expanding) take(it *item) error {
	if it.sys != nil {
		if bad := e.checked(it.system, it.version); bad != "" {
			return refuse(fault.Unprocessable, fault.CodeException, "", "version-error", "VALUESET_VERSION_CHECK",
				"The version '%s' is not allowed for system '%s': required to be '%s' by a version-check parameter", it.version, it.system, bad)
		}
	}
	activeOnly := e.r.ActiveOnly || it.of.Inactive == "false" || e.root.Inactive == "false"
	if activeOnly && it.sys != nil && it.sys.inactive(it.index) || !it.speaksOf(e.words) {
		return nil
	}
	if e.r.ExcludeNotForUI && it.sys != nil && it.sys.abstract(it.index) || e.leftOut(it) {
		return nil
	}
	if e.seen.before(it, e.root.expansionParameter("versionsMatch") == "true") {
		return nil
	}
	e.total++
	switch {
	case !e.paged() && e.total > MaxExpansion, e.r.Count > MaxExpansion:
		return refuse(fault.Unprocessable, fault.CodeTooCostly, "", "too-costly", "VALUESET_TOO_COSTLY",
			"The value set %s has more than %d codes, which is the most that an expansion holds: ask for a part of it with count and offset, or with filter", e.root.canonical(), MaxExpansion)
	case e.total > max(e.r.Offset, 0) && (e.r.Count < 0 || len(e.page) < e.r.Count):
		if len(e.page) == MaxExpansion {
			return refuse(fault.Unprocessable, fault.CodeTooCostly, "", "too-costly", "VALUESET_TOO_COSTLY",
				"A page holds at most %d codes: send count", MaxExpansion)
		}
		e.page = append(e.page, *it)
	}
	return nil
}

func (e *expanding) leftOut(it *item) bool {
	return slices.ContainsFunc(e.r.ExcludedSystems, func(c string) bool {
		url, version, _ := cutVersion(c)
		return url == it.system && (version == "" || matchVersion(version, it.version))
	})
}

// speaksOf says whether each word is in the code or one of the names.
func (it *item) speaksOf(words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(it.code)
	for _, n := range it.names() {
		text += "\n" + strings.ToLower(n.Value)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// seen remembers the codes that were taken.
type seen struct {
	concepts map[*CodeSystem][]uint64 // a bit for each concept
	others   map[[3]string]bool
}

func newSeen() seen { return seen{map[*CodeSystem][]uint64{}, map[[3]string]bool{}} }

// before says whether an item was taken before, and remembers it. When
// versions match, it is the same code in all versions of its system.
func (s *seen) before(it *item, versionsMatch bool) bool {
	if it.sys == nil || versionsMatch {
		k := [3]string{it.system, it.code}
		if !versionsMatch {
			k[2] = it.version
		}
		was := s.others[k]
		s.others[k] = true
		return was
	}
	bits := s.concepts[it.sys.CodeSystem]
	if bits == nil {
		bits = make([]uint64, len(it.sys.Concepts)/64+1)
		s.concepts[it.sys.CodeSystem] = bits
	}
	word, bit := it.index/64, uint64(1)<<(it.index%64)
	was := bits[word]&bit != 0
	bits[word] |= bit
	return was
}

func (e *expanding) result() (*Expansion, error) {
	out := &Expansion{Stamp: e.r.Stamp, ValueSet: e.root, Definition: e.r.IncludeDefinition, Total: e.total, Offset: -1, Fragments: e.used.fragments}
	if e.paged() {
		out.Offset = max(e.r.Offset, 0)
	}
	properties := slices.Clone(e.r.Properties)
	for _, p := range e.root.Properties {
		note(&properties, p)
	}
	versioned := e.root.mixesVersions()
	made := make([]Contained, len(e.page))
	for i := range e.page {
		made[i] = e.contained(&e.page[i], properties, versioned)
		e.declare(out, &e.page[i], made[i].Properties)
	}
	out.Contains = made
	if !e.r.ExcludeNested && !e.paged() && len(e.words) == 0 && len(e.root.excludes) == 0 {
		out.Contains = nest(e.page, made)
	}
	out.Parameters = e.parameters()
	return out, nil
}

// mixesVersions are the systems that occur in several versions.
func (v *ValueSet) mixesVersions() map[string]bool {
	first, out := map[string]string{}, map[string]bool{}
	for _, in := range append(slices.Clip(v.includes), v.excludes...) {
		if in.System == "" {
			continue
		}
		if version, ok := first[in.System]; ok && version != in.Version {
			out[in.System] = true
		}
		first[in.System] = in.Version
	}
	return out
}

// contained renders an item.
func (e *expanding) contained(it *item, properties []string, versioned map[string]bool) Contained {
	c := Contained{System: it.system, Code: it.code}
	if versioned[it.system] {
		c.Version = it.version
	}
	names := it.names()
	at := e.r.Languages.choose(names)
	if at >= 0 {
		c.Display = names[at].Value
	}
	if e.r.IncludeDesignations || len(e.r.Designations) > 0 {
		for i := range names {
			n := &names[i]
			if i == at || n.base && n.Value == c.Display || n.listed || !e.wanted(n) {
				continue
			}
			c.Designations = append(c.Designations, n.told())
		}
	}
	if it.sys != nil {
		c.Abstract, c.Inactive = it.sys.abstract(it.index), it.sys.inactive(it.index)
	}
	c.Extensions = it.extensions()
	c.Properties = it.properties(properties)
	return c
}

// wanted says whether the request asks for a designation.
func (e *expanding) wanted(n *name) bool {
	if len(e.r.Designations) == 0 {
		return true
	}
	return slices.ContainsFunc(e.r.Designations, func(token string) bool {
		system, code, ok := strings.Cut(token, "|")
		if !ok {
			system, code = "urn:ietf:bcp:47", token
		}
		if system == "urn:ietf:bcp:47" {
			return strings.EqualFold(code, n.Language)
		}
		return n.Use.System == system && n.Use.Code == code
	})
}

// nest puts items below the nearest concept above them that is there, too.
func nest(page []item, made []Contained) []Contained {
	type place struct {
		cs    *CodeSystem
		index int32
	}
	at := map[place]int{}
	for i := range page {
		if it := &page[i]; it.nests && it.sys != nil && it.sys.parents != nil {
			at[place{it.sys.CodeSystem, it.index}] = i
		}
	}
	if len(at) == 0 {
		return made
	}
	children := make([][]int, len(page))
	var roots []int
	for i := range page {
		above := -1
		if it := &page[i]; it.nests && it.sys != nil {
			if _, ok := at[place{it.sys.CodeSystem, it.index}]; ok {
				above = nearest(it, func(index int32) int {
					if j, ok := at[place{it.sys.CodeSystem, index}]; ok {
						return j
					}
					return -1
				})
			}
		}
		if above >= 0 {
			children[above] = append(children[above], i)
		} else {
			roots = append(roots, i)
		}
	}
	used := make([]bool, len(page))
	var build func(list []int) []Contained
	build = func(list []int) []Contained {
		var out []Contained
		for _, i := range list {
			if used[i] {
				continue
			}
			used[i] = true
			c := made[i]
			c.Contains = build(children[i])
			out = append(out, c)
		}
		return out
	}
	out := build(roots)
	for i := range page { // of a circle of parents, the first is on top
		if !used[i] {
			out = append(out, build([]int{i})...)
		}
	}
	return out
}

// nearest walks up the first parents of an item to one that is there.
func nearest(it *item, there func(int32) int) int {
	index := it.index
	for range len(it.sys.Concepts) {
		if len(it.sys.parents[index]) == 0 {
			return -1
		}
		if index = it.sys.parents[index][0]; index == it.index {
			return -1
		}
		if i := there(index); i >= 0 {
			return i
		}
	}
	return -1
}

// parameters are what made the expansion what it is.
func (e *expanding) parameters() []Parameter {
	var out []Parameter
	add := func(name, typ, value string) { out = append(out, Parameter{Name: name, Type: typ, Text: value}) }
	for _, p := range e.r.Given {
		add(p.Name, p.Type, p.Text)
	}
	if l := e.r.Languages.Text; l != "" && !slices.ContainsFunc(out, func(p Parameter) bool { return p.Name == "displayLanguage" }) {
		add("displayLanguage", "valueCode", l)
	}
	for _, r := range e.used.rules {
		add(r.parameter, "valueUri", r.canonical)
	}
	if e.merged || e.root.expansionParameter("versionsMatch") == "true" {
		add("versionsMatch", "valueBoolean", "true")
	}
	for name, list := range map[string][]string{
		"used-codesystem": e.used.systems, "used-valueset": e.used.valueSets, "used-supplement": e.used.supplements, "used-fragment": e.used.fragments,
	} {
		for _, c := range list {
			add(name, "valueUri", c)
		}
	}
	for _, r := range append([]reference{{"ValueSet", &e.root.Canonical}}, e.used.status...) {
		if word := r.warning(&e.root.Canonical); word != "" {
			add("warning-"+word, "valueUri", canonical(r.URL, r.Version))
		}
	}
	slices.SortStableFunc(out, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// warning is the state of a resource that its users should know of, "" when
// there is none. What root itself is, it does not warn of in others.
func (r *reference) warning(root *definitions.Canonical) string {
	status := extensionValue(r.Extensions, standardsStatus)
	switch {
	case status == "deprecated" || status == "withdrawn":
		return status
	case r.Status == "retired":
		return "retired"
	case r.Experimental == "true" && root.Experimental != "true":
		return "experimental"
	case (r.Status == "draft" || status == "draft") && root.Status != "draft":
		return "draft"
	}
	return ""
}
