package terminology

import (
	"context"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// Options are what the operations have in common.
type Options struct {
	Languages Languages
	// SystemVersions are defaults for includes that name no version,
	// ForceVersions replace what they name, CheckVersions must be met:
	// canonicals of code systems with a version, which may hold wildcards.
	SystemVersions, ForceVersions, CheckVersions []string
	// ValueSetVersions are defaults for references to value sets.
	ValueSetVersions []string
	// Supplements are canonicals of the code system supplements to use.
	Supplements []string
	ActiveOnly  bool
	// Resources came with the request and win over all others.
	Resources Resources
}

// maxVisits bounds the concepts that one operation looks at.
const maxVisits = 20_000_000

// scope is one operation under way.
type scope struct {
	ctx     context.Context
	sources []Source // the first that has a version wins
	o       *Options
	sets    map[string][][]*ValueSet   // by URL, then source
	systems map[string][][]*CodeSystem // by URL, then source
	// supplements are those to use, by the code system that they supplement.
	supplements []*CodeSystem
	resolved    map[*definitions.Include]*resolved
	used        used
	merged      bool // versions of a code system were not told apart
	visits      int
}

// used is what an operation drew on, in the order in which it did.
type used struct {
	systems, valueSets, supplements, fragments []string
	rules                                      []usedRule
	status                                     []reference
}

// usedRule is a version parameter that had an effect.
type usedRule struct{ parameter, canonical string }

// reference is a resource drawn upon, CodeSystem or ValueSet.
type reference struct {
	typ string
	*definitions.Canonical
}

func note(list *[]string, value string) {
	if !slices.Contains(*list, value) {
		*list = append(*list, value)
	}
}

func (s *Service) scope(ctx context.Context, o *Options) *scope {
	out := &scope{
		ctx: ctx, o: o, sources: []Source{&o.Resources},
		sets: map[string][][]*ValueSet{}, systems: map[string][][]*CodeSystem{}, resolved: map[*definitions.Include]*resolved{},
	}
	if s.source != nil {
		out.sources = append(out.sources, s.source)
	}
	out.sources = append(out.sources, s.catalog)
	return out
}

// visit counts concepts looked at.
func (s *scope) visit(n int) error {
	before := s.visits
	if s.visits += n; s.visits > maxVisits {
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, "",
			"this looks at more than %d concepts: ask for a smaller value set", maxVisits)
	}
	if s.visits>>12 != before>>12 {
		return s.ctx.Err()
	}
	return nil
}

// versions are all versions of a URL, by source.
func versions[T any](s *scope, memo map[string][][]T, url string, of func(Source) ([]T, error)) ([][]T, error) {
	if found, ok := memo[url]; ok {
		return found, nil
	}
	found := make([][]T, len(s.sources))
	for i, source := range s.sources {
		var err error
		if found[i], err = of(source); err != nil {
			return nil, err
		}
	}
	memo[url] = found
	return found, nil
}

// choose picks a version: the one that is asked for, of the first source that
// has it; the latest that a wildcard allows; or, when none is asked for, the
// latest, where a later source must have one that is surely later. The last
// source, the packages, has its best first.
func choose[T comparable](found [][]T, version string, of func(T) string) (best T, ok bool) {
	for source, list := range found {
		var top T
		have := false
		for i, v := range list {
			switch {
			case version != "" && of(v) == version:
				return v, true
			case version != "" && !matchVersion(version, of(v)):
				continue
			case version == "" && source == len(found)-1 && i > 0:
				continue
			}
			if !have || compareVersions(of(v), of(top)) > 0 {
				top, have = v, true
			}
		}
		if have && (!ok || later(of(top), of(best))) {
			best, ok = top, true
		}
	}
	return best, ok
}

// later says whether a version is surely later: one in the form of a date and
// one in another form cannot be compared.
func later(a, b string) bool {
	if a == "" || b == "" || (len(a) >= 4 && digits(a) == 4) != (len(b) >= 4 && digits(b) == 4) {
		return false
	}
	return compareVersions(a, b) > 0
}

// valueSet finds a value set by its canonical; nil when there is none. above
// is the value set that refers to it, or nil.
func (s *scope) valueSet(reference string, above *ValueSet) (*ValueSet, error) {
	if strings.HasPrefix(reference, "#") && above != nil {
		return above.contained(reference), nil
	}
	url, version, pinned := strings.Cut(reference, "|")
	if !pinned {
		if v := versionRules(s.o.ValueSetVersions).of(url); v != "" {
			version = v
			s.rule("default-valueset-version", canonical(url, v))
		}
	}
	found, err := versions(s, s.sets, url, func(source Source) ([]*ValueSet, error) { return source.ValueSets(s.ctx, url) })
	if err != nil {
		return nil, err
	}
	v, ok := choose(found, version, func(v *ValueSet) string { return v.Version })
	if !ok {
		return nil, nil
	}
	return v, nil
}

func (s *scope) rule(parameter, canonical string) {
	r := usedRule{parameter, canonical}
	if !slices.Contains(s.used.rules, r) {
		s.used.rules = append(s.used.rules, r)
	}
}

// system is a code system with the supplements that are to be used.
type system struct {
	*CodeSystem
	supplements []*CodeSystem
}

// unknownSystem says that a code system, or a version of it, is not at hand.
type unknownSystem struct {
	url, version string
	known        []string // versions that are
	empty        bool     // it is defined, but without its concepts
	// supplement is the canonical of a supplement that was taken for a code
	// system, "" otherwise.
	supplement string
}

func (e *unknownSystem) Error() string { return e.message("so the code cannot be validated") }

// message says what is missing and what comes of it.
func (e *unknownSystem) message(consequence string) string {
	switch {
	case e.empty:
		return "The concepts of CodeSystem '" + canonical(e.url, e.version) + "' are not on this server, " + consequence
	case e.version == "":
		return "A definition for CodeSystem '" + e.url + "' could not be found, " + consequence
	case len(e.known) == 0:
		return "A definition for CodeSystem '" + e.url + "' version '" + e.version + "' could not be found, " + consequence +
			". No versions of this code system are known"
	}
	return "A definition for CodeSystem '" + e.url + "' version '" + e.version + "' could not be found, " + consequence +
		". Valid versions: " + join(e.known, " or ")
}

// id names the message; kind is "" or "_EXP".
func (e *unknownSystem) id(kind string) string {
	switch {
	case e.version == "":
		return "UNKNOWN_CODESYSTEM" + kind
	case len(e.known) == 0:
		return "UNKNOWN_CODESYSTEM_VERSION" + kind + "_NONE"
	}
	return "UNKNOWN_CODESYSTEM_VERSION" + kind
}

func join(list []string, last string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	n := len(list) - 1
	return strings.Join(list[:n], ", ") + last + list[n]
}

// codeSystem finds a code system whose concepts are at hand; the error is an
// *unknownSystem when there is none.
func (s *scope) codeSystem(url, version string) (*system, error) {
	found, err := versions(s, s.systems, url, func(source Source) ([]*CodeSystem, error) { return source.CodeSystems(s.ctx, url) })
	if err != nil {
		return nil, err
	}
	cs, ok := choose(found, version, func(c *CodeSystem) string { return c.Version })
	if ok && cs.Content == "supplement" {
		return nil, &unknownSystem{url: url, version: version, supplement: canonical(cs.URL, cs.Version)}
	}
	if !ok || len(cs.Concepts) == 0 {
		return nil, &unknownSystem{url: url, version: version, known: known(found), empty: ok}
	}
	out := &system{CodeSystem: cs}
	for _, sup := range s.supplements {
		if u, v, _ := strings.Cut(sup.Supplements, "|"); u == url && (v == "" || matchVersion(v, cs.Version)) {
			out.supplements = append(out.supplements, sup)
			note(&s.used.supplements, canonical(sup.URL, sup.Version))
		}
	}
	return out, nil
}

// known lists versions, the earliest first.
func known(found [][]*CodeSystem) []string {
	var out []string
	for _, list := range found {
		for _, c := range list {
			if c.Version != "" {
				note(&out, c.Version)
			}
		}
	}
	slices.SortFunc(out, compareVersions)
	return out
}

// supplement takes the supplements that a request or a value set asks for. All
// must be there.
func (s *scope) supplement(canonicals []string) error {
	for _, c := range canonicals {
		url, version, _ := strings.Cut(c, "|")
		found, err := versions(s, s.systems, url, func(source Source) ([]*CodeSystem, error) { return source.CodeSystems(s.ctx, url) })
		if err != nil {
			return err
		}
		sup, ok := choose(found, version, func(c *CodeSystem) string { return c.Version })
		if !ok || sup.Content != "supplement" {
			return refuse(fault.Unprocessable, fault.CodeNotFound, "", "not-found", "VALUESET_SUPPLEMENT_MISSING", "Required supplement not found: %s", c)
		}
		if !slices.Contains(s.supplements, sup) {
			s.supplements = append(s.supplements, sup)
		}
	}
	return nil
}

const valueSetSupplement = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"

// prepare takes the supplements of the request and of the value set asked
// about, which may be nil.
func (s *scope) prepare(v *ValueSet) error {
	wanted := slices.Clone(s.o.Supplements)
	if v != nil {
		for _, e := range v.Extensions {
			if e.URL == valueSetSupplement {
				wanted = append(wanted, e.Value)
			}
		}
	}
	return s.supplement(wanted)
}

// choice is the version of a code system that an include means.
type choice struct {
	asked   string // what to look for, perhaps with wildcards; "" for the latest
	changed bool   // the parameters say so, not the include
}

// version chooses the version of a code system for an include that names
// version, or none (R4 §4.9.16.1, the parameters force-, check- and
// system-version).
func (s *scope) version(url, version string) choice {
	if v := versionRules(s.o.ForceVersions).of(url); v != "" {
		s.rule("force-system-version", canonical(url, v))
		return choice{v, v != version}
	}
	if version != "" {
		return choice{asked: version}
	}
	if v := versionRules(s.o.SystemVersions).of(url); v != "" {
		s.rule("system-version", canonical(url, v))
		return choice{v, true}
	}
	if v := versionRules(s.o.CheckVersions).of(url); v != "" {
		s.rule("check-system-version", canonical(url, v))
		return choice{v, true}
	}
	return choice{}
}

// checked is the version that a parameter insists on, when a version is
// another; "" otherwise.
func (s *scope) checked(url, version string) string {
	if v := versionRules(s.o.CheckVersions).of(url); v != "" && !matchVersion(v, version) {
		return v
	}
	return ""
}

// seen notes that a code system was drawn upon.
func (s *scope) seen(cs *CodeSystem) {
	c := canonical(cs.URL, cs.Version)
	if slices.Contains(s.used.systems, c) {
		return
	}
	s.used.systems = append(s.used.systems, c)
	s.used.status = append(s.used.status, reference{"CodeSystem", &cs.Canonical})
	if cs.Content == "fragment" || cs.Content == "example" {
		note(&s.used.fragments, c)
	}
}
