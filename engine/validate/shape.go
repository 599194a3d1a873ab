package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// profileShape is a profile, compiled.
type profileShape struct {
	profile *definitions.Profile
	root    *shape
}

// shape is what a profile says of an element beyond what its type says.
type shape struct {
	profile  string // URL
	id       string
	name     string
	placed   bool   // not the root of its profile
	only     string // the type that the profile's name for it means ("valueQuantity"); "" for any
	min, max int    // definitions.Unstated where the type says the same
	types    []definitions.ProfileType
	fixed    *value
	pattern  *value
	binding  *binding
	rules    []*rule
	maxText  int
	minValue *value
	maxValue *value
	valued   bool     // it has a value, not only extensions
	instead  []string // the extensions that may stand for a value; nil for any
	// languages and source are what is asked of a narrative.
	languages []string
	source    string
	children  []*shape
	slicing   *slicing
	origin    *shape // where a contentReference leads: its children stand here, too
}

// trivial says that the shape asks for nothing.
func (s *shape) trivial() bool {
	return s.min == definitions.Unstated && s.max == definitions.Unstated && s.types == nil && s.fixed == nil && s.pattern == nil &&
		s.binding == nil && len(s.rules) == 0 && s.maxText == 0 && s.minValue == nil && s.maxValue == nil && !s.valued && s.instead == nil && s.languages == nil && s.source == "" &&
		len(s.children) == 0 && s.slicing == nil && s.origin == nil
}

// value is a fixed or pattern value.
type value struct {
	text  string // of a primitive
	node  fhir.Node
	shown string // for messages
}

// profile returns a compiled profile, nil when it is not known.
func (v *Validator) profile(canonical string) (*profileShape, error) {
	if s, ok := v.shapes.Load(canonical); ok {
		return s.(*profileShape), nil
	}
	p := v.definitions.Profile(canonical)
	if p == nil {
		return nil, nil
	}
	root, err := p.Root()
	if err != nil {
		return nil, err
	}
	c := shaper{v: v, profile: p}
	s := &profileShape{profile: p}
	s.root, err = c.shape(root, v.definitions.Type(p.Type), nil)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.URL, err)
	}
	s.root.min, s.root.max = definitions.Unstated, definitions.Unstated
	for _, later := range c.references {
		later.shape.origin = s.root.find(strings.Split(later.path, ".")[1:])
	}
	actual, _ := v.shapes.LoadOrStore(strings.Clone(canonical), s) // the body it is a part of may be long
	return actual.(*profileShape), nil
}

// element is what a profile says of the element with an id, nil for nothing.
func (s *shape) element(id string) *shape {
	if s.id == id {
		return s
	}
	for _, c := range s.children {
		if found := c.element(id); found != nil {
			return found
		}
	}
	if s.slicing != nil {
		for _, part := range s.slicing.slices {
			if found := part.shape.element(id); found != nil {
				return found
			}
		}
	}
	return nil
}

// shaper compiles one profile.
type shaper struct {
	v          *Validator
	profile    *definitions.Profile
	references []reference
}

// reference is a shape whose children stand elsewhere in the profile.
type reference struct {
	shape *shape
	path  string
}

// find walks down by element names.
func (s *shape) find(path []string) *shape {
	for _, name := range path {
		i := slices.IndexFunc(s.children, func(c *shape) bool { return c.name == name })
		if i < 0 {
			return nil
		}
		s = s.children[i]
	}
	return s
}

// shape compiles e, which stands for elements of type typ (nil when several
// types are possible); base is its definition in the parent's type, nil for
// the root.
func (c *shaper) shape(e *definitions.ProfileElement, typ *definitions.Type, base *definitions.Element) (*shape, error) {
	s := &shape{
		profile: c.profile.URL, id: e.ID, name: e.Name, min: e.Min, max: e.Max, maxText: e.MaxLength,
		valued: e.MustHaveValue, instead: e.ValueAlternatives, languages: e.NarrativeLanguages, source: e.NarrativeSource,
	}
	s.placed = strings.Contains(e.Path, ".")
	if base != nil {
		if e.SliceName == "" && e.Min <= base.Min {
			s.min = definitions.Unstated
		}
		if e.SliceName == "" && e.Max >= base.Max || e.Max == definitions.Many {
			s.max = definitions.Unstated
		}
		if s.maxText == base.MaxLength {
			s.maxText = 0
		}
	}
	s.types = c.types(e, base)
	if e.Binding != nil && e.Binding.ValueSet != "" && (base == nil || base.Binding == nil || *base.Binding != *e.Binding) {
		s.binding = c.v.binding(e.Binding)
	}
	s.rules = c.rules(e, typ, base)
	var err error
	if s.fixed, err = c.value(e.Fixed, e.ValueType); err != nil {
		return nil, fmt.Errorf("%s: fixed value: %w", e.ID, err)
	}
	if s.pattern, err = c.value(e.Pattern, e.ValueType); err != nil {
		return nil, fmt.Errorf("%s: pattern: %w", e.ID, err)
	}
	if s.minValue, err = c.limit(e.MinValue); err != nil {
		return nil, fmt.Errorf("%s: least value: %w", e.ID, err)
	}
	if s.maxValue, err = c.limit(e.MaxValue); err != nil {
		return nil, fmt.Errorf("%s: greatest value: %w", e.ID, err)
	}
	if err := c.children(s, e, typ); err != nil {
		return nil, err
	}
	if e.ContentReference != "" && len(e.Children) == 0 {
		c.references = append(c.references, reference{s, e.ContentReference})
	}
	if len(e.Slices) > 0 || e.Slicing != nil && e.Slicing.Rules == "closed" {
		if s.slicing, err = c.slices(e, typ, base); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// types are those that e allows, nil when they are the base's.
func (c *shaper) types(e *definitions.ProfileElement, base *definitions.Element) []definitions.ProfileType {
	if base == nil || len(e.Types) == 0 || base.Types[0].Type.Kind == definitions.Backbone && len(e.Types[0].Profiles) == 0 {
		return nil
	}
	if len(e.Types) == len(base.Types) && !slices.ContainsFunc(e.Types, func(t definitions.ProfileType) bool {
		i := slices.IndexFunc(base.Types, func(b definitions.TypeRef) bool { return b.Code == t.Code })
		return i < 0 || !slices.Equal(t.Profiles, base.Types[i].Profiles) || !c.sameTargets(t.TargetProfiles, base.Types[i].Targets)
	}) {
		return nil
	}
	return e.Types
}

func (c *shaper) sameTargets(profiles, targets []string) bool {
	if len(targets) == 0 {
		return len(profiles) == 0 || slices.Contains(profiles, "http://hl7.org/fhir/StructureDefinition/Resource")
	}
	return len(profiles) == len(targets) && !slices.ContainsFunc(profiles, func(p string) bool {
		return !slices.Contains(targets, strings.TrimPrefix(p, "http://hl7.org/fhir/StructureDefinition/"))
	})
}

// rules are the invariants that neither the type nor the base element has.
func (c *shaper) rules(e *definitions.ProfileElement, typ *definitions.Type, base *definitions.Element) []*rule {
	var out []*rule
	for _, inv := range e.Invariants {
		if inv.Expression == "" || inv.Key == "ele-1" || inv.Key == "ext-1" || known(inv, typ, base) {
			continue
		}
		if r := c.v.rule(inv); !r.always {
			out = append(out, r)
		}
	}
	return out
}

func known(inv *definitions.Invariant, typ *definitions.Type, base *definitions.Element) bool {
	same := func(o *definitions.Invariant) bool { return o.Key == inv.Key }
	if typ != nil && slices.ContainsFunc(typ.Invariants, same) {
		return true
	}
	if base == nil {
		return false
	}
	return slices.ContainsFunc(base.Invariants, same) || slices.ContainsFunc(base.Types, func(t definitions.TypeRef) bool {
		return slices.ContainsFunc(t.Type.Invariants, same)
	})
}

// children compiles what e says of the elements within.
func (c *shaper) children(s *shape, e *definitions.ProfileElement, typ *definitions.Type) error {
	for _, child := range e.Children {
		name, only := child.Name, ""
		base, inner := c.element(typ, name)
		if base == nil && typ != nil {
			if p, ok := typ.Property(name); ok {
				base, inner, only = p.Element, p.Type, p.Type.Name
			}
		}
		if len(child.Types) == 1 && (base == nil || base.Types[0].Type.Kind != definitions.Backbone) {
			inner = c.v.definitions.Type(child.Types[0].Code)
		}
		cs, err := c.shape(child, inner, base)
		if err != nil {
			return err
		}
		if base != nil {
			cs.name, cs.only = base.Name, only
		}
		if !cs.trivial() || child.ContentReference != "" {
			s.children = append(s.children, cs)
		}
	}
	return nil
}

// element finds the definition of a child and its type, when there is one
// type only.
func (c *shaper) element(typ *definitions.Type, name string) (*definitions.Element, *definitions.Type) {
	if typ == nil {
		typ = c.v.definitions.Type("Element")
	}
	e := typ.Element(name)
	if e == nil || len(e.Types) != 1 {
		return e, nil
	}
	return e, e.Types[0].Type
}

// limit compiles a least or greatest value: a Quantity, or a primitive.
func (c *shaper) limit(text string) (*value, error) {
	if text != "" && text[0] == '{' {
		return c.value(text, "Quantity")
	}
	return c.value(text, "string")
}

// value compiles the JSON of a fixed or pattern value.
func (c *shaper) value(text, typeName string) (*value, error) {
	if text == "" {
		return nil, nil
	}
	t := c.v.definitions.Type(typeName)
	if t == nil {
		typeName = strings.ToLower(typeName[:1]) + typeName[1:]
		t = c.v.definitions.Type(typeName)
	}
	if t == nil {
		return nil, fmt.Errorf("there is no type %s", typeName)
	}
	v := &value{shown: text}
	if t.Kind == definitions.Primitive {
		v.text = text
		if text[0] == '"' {
			if err := unquote(text, &v.text); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	tree, err := fhir.ParseValueJSON(c.v.definitions, typeName, []byte(text), fhir.Limits{})
	if err != nil {
		return nil, err
	}
	v.node = tree.Root()
	return v, nil
}
