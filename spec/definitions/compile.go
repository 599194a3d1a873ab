package definitions

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// compiler links the reduced records of one release into types.
type compiler struct {
	types  map[string]*Type
	byURL  map[string]*record.Structure
	done   map[*record.Structure]*Type
	order  []*Type // as built; a base before what derives from it
	props  []*Property
	active map[*record.Structure]bool
}

// compileTypes builds the types of a release; properties are numbered from 1.
func compileTypes(structures []record.Structure) (map[string]*Type, []*Property, error) {
	c := &compiler{
		types:  make(map[string]*Type, 1024),
		byURL:  make(map[string]*record.Structure, len(structures)),
		done:   make(map[*record.Structure]*Type, len(structures)),
		active: map[*record.Structure]bool{},
		props:  make([]*Property, 1, 8192),
	}
	for i := range structures {
		if s := &structures[i]; s.Derivation != "constraint" {
			c.byURL[s.URL] = s
		}
	}
	for i := range structures {
		if s := &structures[i]; s.Derivation != "constraint" {
			if _, err := c.structure(s); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, t := range c.order {
		if err := c.resolve(t); err != nil {
			return nil, nil, err
		}
	}
	for _, t := range c.order {
		c.number(t)
	}
	return c.types, c.props, nil
}

func kindOf(s *record.Structure) Kind {
	switch s.Kind {
	case "primitive-type":
		return Primitive
	case "resource":
		return Resource
	case "logical":
		return Logical
	}
	return Complex
}

// structure builds a type and its backbones; references to other types are
// names until resolve.
func (c *compiler) structure(s *record.Structure) (*Type, error) {
	if t := c.done[s]; t != nil {
		return t, nil
	}
	if c.active[s] {
		return nil, fmt.Errorf("%s is its own base", s.URL)
	}
	c.active[s] = true
	if len(s.Elements) == 0 {
		return nil, fmt.Errorf("%s has no elements", s.URL)
	}
	t := &Type{Name: s.Type, URL: s.URL, Kind: kindOf(s), Abstract: s.Abstract}
	if base := c.byURL[s.Base]; base != nil {
		b, err := c.structure(base)
		if err != nil {
			return nil, err
		}
		t.Base = b
		t.Elements = slices.Clone(b.Elements)
		t.Invariants = b.Invariants
		t.Regex = b.Regex
	}
	root := s.Elements[0].Path
	t.Invariants = appendInvariants(t.Invariants, s.Elements[0].Invariants)
	c.done[s] = t
	c.types[t.Name] = t
	c.order = append(c.order, t)

	slab := make([]Element, len(s.Elements)-1)
	refs := 0
	for i := range s.Elements {
		refs += max(1, len(s.Elements[i].Types))
	}
	refSlab := make([]TypeRef, 0, refs)
	owners := map[string]*Type{root: t}
	for i := 1; i < len(s.Elements); i++ {
		r := &s.Elements[i]
		cut := strings.LastIndexByte(r.Path, '.')
		if cut < 0 {
			return nil, fmt.Errorf("%s: element %q stands outside %s", s.URL, r.Path, root)
		}
		owner := owners[r.Path[:cut]]
		if owner == nil {
			return nil, fmt.Errorf("%s: element %s comes before its parent", s.URL, r.Path)
		}
		if t.Kind == Primitive && r.Path == root+".value" {
			t.Regex = r.Regex
			continue
		}
		e := &slab[i-1]
		refSlab = c.element(e, r, refSlab)
		backbone := i+1 < len(s.Elements) && strings.HasPrefix(s.Elements[i+1].Path, r.Path) && s.Elements[i+1].Path[len(r.Path)] == '.'
		if backbone {
			b := &Type{Name: r.Path, Kind: Backbone, Invariants: e.Invariants}
			if len(e.Types) > 0 {
				b.Base = &Type{Name: e.Types[0].Code} // by name until resolve
			}
			e.Types = []TypeRef{{Code: r.Path}}
			e.Invariants = nil
			owners[r.Path] = b
			c.types[r.Path] = b
			c.order = append(c.order, b)
		}
		place(owner, e)
	}
	return t, nil
}

// place puts e among the owner's elements; one that restates an inherited
// element takes its place.
func place(owner *Type, e *Element) {
	for i, old := range owner.Elements {
		if old.Name == e.Name {
			e.Order = i
			owner.Elements[i] = e
			return
		}
	}
	e.Order = len(owner.Elements)
	owner.Elements = append(owner.Elements, e)
}

func (c *compiler) element(e *Element, r *record.Element, slab []TypeRef) []TypeRef {
	name := r.Path[strings.LastIndexByte(r.Path, '.')+1:]
	e.Path, e.Min, e.Max = r.Path, max(r.Min, 0), r.Max
	if r.Max == record.Unset {
		e.Max = 1
	}
	e.Name, e.Choice = strings.CutSuffix(name, "[x]")
	e.Summary, e.Modifier, e.Attribute = r.Summary, r.Modifier, r.Attribute
	e.MaxLength = r.MaxLength
	e.Invariants = appendInvariants(nil, r.Invariants)
	if r.Binding != nil {
		e.Binding = &Binding{Strength: r.Binding.Strength, ValueSet: r.Binding.ValueSet}
	}
	start := len(slab)
	if r.ContentReference != "" {
		slab = append(slab, TypeRef{Code: r.ContentReference})
	}
	for _, t := range r.Types {
		slab = append(slab, TypeRef{Code: t.Code, Profiles: t.Profiles, Targets: targets(t.TargetProfiles)})
		e.XHTML = e.XHTML || t.Code == "xhtml"
	}
	e.Types = slab[start:len(slab):len(slab)]
	return slab
}

const structureDefinition = "http://hl7.org/fhir/StructureDefinition/"

// targets gives the resource types that target profiles stand for; nil when
// any type is allowed.
func targets(profiles []string) []string {
	if len(profiles) == 0 {
		return nil
	}
	out := make([]string, len(profiles))
	for i, p := range profiles {
		out[i] = strings.TrimPrefix(p, structureDefinition)
		if out[i] == "Resource" {
			return nil
		}
	}
	return out
}

func appendInvariants(list []*Invariant, add []record.Invariant) []*Invariant {
	if len(add) == 0 {
		return list
	}
	list = slices.Clip(list)
	slab := make([]Invariant, len(add))
	for i, a := range add {
		slab[i] = Invariant(a)
		list = append(list, &slab[i])
	}
	return list
}

// resolve replaces names of types by the types.
func (c *compiler) resolve(t *Type) error {
	if t.Kind == Backbone {
		name := "BackboneElement"
		if t.Base != nil {
			name = t.Base.Name
		}
		t.Base = c.types[name]
		if t.Base == nil {
			return fmt.Errorf("%s: unknown type %s", t.Name, name)
		}
		own := t.Elements
		t.Elements = make([]*Element, len(t.Base.Elements), len(t.Base.Elements)+len(own))
		copy(t.Elements, t.Base.Elements)
		for _, e := range own {
			place(t, e)
		}
		t.Invariants = append(slices.Clip(t.Base.Invariants), t.Invariants...)
	}
	for _, e := range t.Elements {
		for i := range e.Types {
			ref := &e.Types[i]
			if ref.Type == nil {
				ref.Type = c.types[ref.Code]
			}
			if ref.Type == nil {
				return fmt.Errorf("%s: unknown type %s", e.Path, ref.Code)
			}
		}
	}
	return nil
}

// number gives the type its properties. Those of inherited elements are the
// base type's own, so the base comes first in whatever order a package lists
// the types.
func (c *compiler) number(t *Type) {
	if t.properties.slots != nil {
		return
	}
	if t.Base != nil {
		c.number(t.Base)
	}
	n := 0
	for _, e := range t.Elements {
		n += max(1, len(e.Types))
	}
	t.properties.init(n)
	slab := make([]Property, 0, n)
	for _, e := range t.Elements {
		if t.Base != nil && e.Order < len(t.Base.Elements) && t.Base.Elements[e.Order] == e {
			for _, ref := range e.Types {
				if p, ok := t.Base.properties.find(propertyName(e, ref.Code)); ok {
					t.properties.add(p)
				}
			}
			continue
		}
		for _, ref := range e.Types {
			slab = append(slab, Property{ID: PropertyID(len(c.props)), Name: propertyName(e, ref.Code), Element: e, Type: ref.Type})
			p := &slab[len(slab)-1]
			c.props = append(c.props, p)
			t.properties.add(p)
		}
	}
}

func propertyName(e *Element, code string) string {
	if !e.Choice {
		return e.Name
	}
	first, size := utf8.DecodeRuneInString(code)
	return e.Name + string(unicode.ToUpper(first)) + code[size:]
}
