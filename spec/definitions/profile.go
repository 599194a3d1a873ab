package definitions

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// Profile is a StructureDefinition that constrains a type: a profile of a
// resource or data type, or the definition of an extension.
type Profile struct {
	URL, Version, Name, Title string
	Type                      string // the type that it constrains: "Patient", "Extension"
	Base                      string // canonical of what it derives from
	Kind                      Kind
	Abstract                  bool
	// Differential says that the package held no snapshot: Root is then the
	// base's tree with the differential laid over it.
	Differential bool
	Contexts     []string // of an extension, as "element:Patient"
	// ContextInvariants must all hold where the extension stands; %extension is it.
	ContextInvariants []string

	record *record.Structure
	in     *Definitions
	once   sync.Once
	root   *ProfileElement
	err    error
}

// ProfileElement is one element of a profile with what the profile says
// of it. Children and Slices are in the order of the profile.
type ProfileElement struct {
	ID, Path  string
	Name      string // "value" for "value[x]"
	SliceName string
	Choice    bool
	Min, Max  int // Unstated when the profile does not say; Max is Many for "*"
	Types     []ProfileType
	Binding   *Binding
	// Invariants are those that the profile lists for the element, the
	// inherited ones included.
	Invariants     []*Invariant
	Fixed, Pattern string // JSON text; "" when there is none
	ValueType      string // the type of Fixed or Pattern, as the JSON name has it: "CodeableConcept"
	MinValue       string // JSON text
	MaxValue       string
	MaxLength      int
	MustSupport    bool
	// MustHaveValue says that a primitive has a value, not only extensions, and
	// ValueAlternatives name the extensions that may stand for one.
	MustHaveValue     bool
	ValueAlternatives []string
	// NarrativeLanguages are the languages in which a narrative must have sections, or
	// _no, _yes or _resource, and NarrativeSource, "error", "warning" or "hint", is how
	// bad a text in it is that does not say where it comes from; "" for not at all.
	NarrativeLanguages []string
	NarrativeSource    string
	Slicing            *Slicing
	// ContentReference is the path of the element whose children stand here.
	ContentReference string
	Children         []*ProfileElement
	Slices           []*ProfileElement
}

// Unstated is a cardinality of a ProfileElement that a differential leaves to
// its base.
const Unstated = record.Unset

// ProfileType is one type that a profile allows, with the profiles that a
// value, or the target of a reference, must conform to. A profile that ends in # and
// the id of an element is what the profile says of that element.
type ProfileType struct {
	Code           string
	Profiles       []string
	TargetProfiles []string
}

// Slicing is ElementDefinition.slicing.
type Slicing struct {
	Discriminators []Discriminator
	Rules          string // open, closed, openAtEnd
	Ordered        bool
}

// Discriminator is ElementDefinition.slicing.discriminator.
type Discriminator struct {
	Type string // value, pattern, exists, type, profile, position
	Path string
}

// Child returns the child called name, or nil.
func (e *ProfileElement) Child(name string) *ProfileElement {
	for _, c := range e.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// profiles is the profiles of one layer; for a built-in release they are read
// when the first is asked for.
type profiles struct {
	load   func() ([]record.Structure, error)
	once   sync.Once
	byURL  map[string][]*Profile
	byType map[string][]*Profile
	err    error
}

func (p *profiles) get(d *Definitions) *profiles {
	p.once.Do(func() {
		records, err := p.load()
		if err != nil {
			p.err = err
			return
		}
		p.byURL = make(map[string][]*Profile, len(records))
		p.byType = map[string][]*Profile{}
		for i := range records {
			r := &records[i]
			profile := &Profile{
				URL: r.URL, Version: r.Version, Name: r.Name, Title: r.Title, Type: r.Type, Base: r.Base, Kind: kindOf(r),
				Abstract: r.Abstract, Differential: r.Differential, Contexts: r.Contexts, ContextInvariants: r.ContextInvariants, record: r, in: d,
			}
			p.byURL[r.URL] = append(p.byURL[r.URL], profile)
			p.byType[r.Type] = append(p.byType[r.Type], profile)
		}
	})
	return p
}

// Profile returns the profile or extension with a canonical URL, or nil. A
// version after "|" is preferred; when it is not there, the version that was
// loaded last is taken. Types are no profiles: for these see TypeOf.
func (d *Definitions) Profile(canonical string) *Profile {
	url, version, _ := strings.Cut(canonical, "|")
	var found *Profile
	for layer := d; layer != nil; layer = layer.base {
		var best *Profile
		for _, p := range layer.profiles.get(layer).byURL[url] {
			if suits(p.Version, version) && (best == nil || later(p.Version, best.Version)) {
				best = p
			}
			if found == nil {
				found = p
			}
		}
		if best != nil {
			return best
		}
	}
	return found
}

// suits says whether a version is the one asked for: any when none is, and
// 1.2.3 when 1.2 is.
func suits(have, want string) bool {
	return want == "" || have == want || strings.HasPrefix(have, want) && have[len(want)] == '.'
}

// later compares versions part by part, numbers as numbers.
func later(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, errX := strconv.Atoi(x[i])
		n, errY := strconv.Atoi(y[i])
		switch {
		case errX == nil && errY == nil && m != n:
			return m > n
		case (errX != nil || errY != nil) && x[i] != y[i]:
			return x[i] > y[i]
		}
	}
	return len(x) > len(y)
}

// Profiles lists the profiles of a type, ordered by URL; for type Extension
// they are the extensions.
func (d *Definitions) Profiles(typeName string) []*Profile {
	var out []*Profile
	for layer := d; layer != nil; layer = layer.base {
		out = append(out, layer.profiles.get(layer).byType[typeName]...)
	}
	slices.SortStableFunc(out, func(a, b *Profile) int { return strings.Compare(a.URL, b.URL) })
	return out
}

// Root returns the tree of the profile. The error says why a differential
// cannot be laid over its base. It is built once; the caller must not change
// it.
func (p *Profile) Root() (*ProfileElement, error) {
	p.once.Do(func() { p.root, p.err = p.build(nil) })
	return p.root, p.err
}

func (p *Profile) build(above []string) (*ProfileElement, error) {
	if slices.Contains(above, p.URL) {
		return nil, fmt.Errorf("profile %s derives from itself", p.URL)
	}
	root := &ProfileElement{ID: p.Type, Path: p.Type, Name: p.Type, Min: Unstated, Max: Unstated}
	if p.Differential {
		if base := p.in.Profile(p.Base); base != nil {
			b, err := base.build(append(above, p.URL))
			if err != nil {
				return nil, err
			}
			root = b
		} else if p.in.TypeOf(p.Base) == nil {
			return nil, fmt.Errorf("profile %s has no snapshot, and its base %s is not loaded", p.URL, p.Base)
		}
	}
	last := ""
	for i := range p.record.Elements {
		last = elementID(&p.record.Elements[i], last)
		root.lay(&p.record.Elements[i], last)
	}
	return root, nil
}

// elementID is the id of an element, of which the definition may have none: then it stands
// within the slice that the one before it, with the id last, begins or stands in.
func elementID(r *record.Element, last string) string {
	if r.ID != "" {
		return r.ID
	}
	segments, before := strings.Split(r.Path, "."), strings.Split(last, ".")
	for i := range min(len(segments)-1, len(before)) {
		if name, _, _ := strings.Cut(before[i], ":"); name != segments[i] {
			break
		}
		segments[i] = before[i]
	}
	id := strings.Join(segments, ".")
	if r.SliceName != "" {
		id += ":" + r.SliceName
	}
	return id
}

// Element is what the profile says of the element with an id; nil when it says nothing.
func (p *Profile) Element(id string) (*ProfileElement, error) {
	e, err := p.Root()
	if err != nil {
		return nil, err
	}
	for _, segment := range strings.Split(id, ".")[1:] {
		name, slice, sliced := strings.Cut(segment, ":")
		if e = e.Child(strings.TrimSuffix(name, "[x]")); e == nil {
			return nil, nil
		}
		if !sliced {
			continue
		}
		i := slices.IndexFunc(e.Slices, func(s *ProfileElement) bool { return s.SliceName == slice })
		if i < 0 {
			return nil, nil
		}
		e = e.Slices[i]
	}
	return e, nil
}

// lay puts what an element definition says at its place in the tree.
func (root *ProfileElement) lay(r *record.Element, id string) {
	at := root
	segments := strings.Split(id, ".")
	for _, segment := range segments[1:] {
		name, slice, sliced := strings.Cut(segment, ":")
		at = at.child(name)
		if sliced {
			at = at.slice(slice)
		}
	}
	at.take(r)
}

// child finds or makes the child of a path segment. "valueQuantity", a short
// form for one type of a choice, is a slice of value[x].
func (e *ProfileElement) child(segment string) *ProfileElement {
	name, choice := strings.CutSuffix(segment, "[x]")
	if c := e.Child(name); c != nil {
		return c
	}
	if !choice {
		for _, c := range e.Children {
			if kind, ok := strings.CutPrefix(segment, c.Name); ok && c.Choice && kind != "" && kind[0] >= 'A' && kind[0] <= 'Z' {
				short := c.slice(segment)
				for _, t := range c.Types {
					if strings.EqualFold(t.Code, kind) {
						short.Types = []ProfileType{t}
					}
				}
				return short
			}
		}
	}
	c := &ProfileElement{
		ID: e.ID + "." + segment, Path: e.Path + "." + segment, Name: name, Choice: choice, Min: Unstated, Max: Unstated,
	}
	e.Children = append(e.Children, c)
	return c
}

func (e *ProfileElement) slice(name string) *ProfileElement {
	for _, s := range e.Slices {
		if s.SliceName == name {
			return s
		}
	}
	s := &ProfileElement{
		ID: e.ID + ":" + name, Path: e.Path, Name: e.Name, SliceName: name, Choice: e.Choice, Min: Unstated, Max: Unstated,
	}
	e.Slices = append(e.Slices, s)
	return s
}

// take overlays what r states.
func (e *ProfileElement) take(r *record.Element) {
	if r.ID != "" {
		e.ID = r.ID
	}
	e.Path = r.Path
	if r.Min != record.Unset {
		e.Min = r.Min
	}
	if r.Max != record.Unset {
		e.Max = r.Max
	}
	if len(r.Types) > 0 {
		e.Types = make([]ProfileType, len(r.Types))
		for i, t := range r.Types {
			e.Types[i] = ProfileType(t)
		}
	}
	if r.Binding != nil {
		e.Binding = &Binding{Strength: r.Binding.Strength, ValueSet: r.Binding.ValueSet}
	}
	for _, inv := range r.Invariants {
		if !slices.ContainsFunc(e.Invariants, func(old *Invariant) bool { return old.Key == inv.Key }) {
			e.Invariants = append(e.Invariants, appendInvariants(nil, []record.Invariant{inv})...)
		}
	}
	if r.Fixed != "" {
		e.Fixed, e.Pattern, e.ValueType = r.Fixed, "", r.ValueType
	}
	if r.Pattern != "" {
		e.Pattern, e.ValueType = r.Pattern, r.ValueType
	}
	if r.MinValue != "" {
		e.MinValue = r.MinValue
	}
	if r.MaxValue != "" {
		e.MaxValue = r.MaxValue
	}
	if r.MaxLength != 0 {
		e.MaxLength = r.MaxLength
	}
	e.MustSupport = e.MustSupport || r.MustSupport
	e.MustHaveValue = e.MustHaveValue || r.MustHaveValue
	if len(r.ValueAlternatives) > 0 {
		e.ValueAlternatives = r.ValueAlternatives
	}
	if len(r.NarrativeLanguages) > 0 {
		e.NarrativeLanguages = r.NarrativeLanguages
	}
	e.NarrativeSource = cmp.Or(r.NarrativeSource, e.NarrativeSource)
	if r.ContentReference != "" {
		e.ContentReference = r.ContentReference
	}
	e.takeSlicing(r.Slicing)
}

// takeSlicing overlays a slicing; one without discriminators refines the
// base's.
func (e *ProfileElement) takeSlicing(r *record.Slicing) {
	if r == nil {
		return
	}
	if e.Slicing == nil {
		e.Slicing = &Slicing{}
	}
	if r.Rules != "" {
		e.Slicing.Rules = r.Rules
	}
	e.Slicing.Ordered = e.Slicing.Ordered || r.Ordered
	if len(r.Discriminators) > 0 {
		e.Slicing.Discriminators = nil
		for _, d := range r.Discriminators {
			e.Slicing.Discriminators = append(e.Slicing.Discriminators, Discriminator(d))
		}
	}
}
