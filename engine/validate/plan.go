package validate

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/definitions"
)

// typePlan is what holds for each element of a type, ready to be checked.
type typePlan struct {
	typ      *definitions.Type
	required []*definitions.Element
	mask     [2]uint64 // the required ones by order
	errors   []*rule
	others   []*rule // warnings and best practices
	isExt    bool
}

// propertyPlan is what holds for an element by its place.
type propertyPlan struct {
	element *definitions.Element
	plan    *typePlan // of its type; nil for a nested resource
	word    int       // place of the element in a mask
	bit     uint64
	bounded bool // Max is finite and above 1
	uri     bool
	// elementID says that it is the id of an element (R4 §2.27.1), not of a resource.
	elementID bool
	// nothing says that the element's type and place leave nothing to check
	// but its own extensions.
	nothing   bool
	binding   *binding
	targets   []string // resource types that a reference may point to
	profiles  []string
	errors    []*rule
	others    []*rule
	maxLength int
}

// binding is a binding to a value set.
type binding struct {
	strength string
	valueSet string
	set      *terminology.Set
}

// typePlan returns the plan of a type.
func (v *Validator) typePlan(t *definitions.Type) *typePlan {
	if p, ok := v.types.Load(t); ok {
		return p.(*typePlan)
	}
	p := &typePlan{typ: t, isExt: t.Is("Extension")}
	for _, e := range t.Elements {
		if e.Min > 0 {
			p.required = append(p.required, e)
			if e.Order < 128 {
				p.mask[e.Order>>6] |= 1 << (e.Order & 63)
			}
		}
	}
	p.errors, p.others = v.sort(t.Invariants)
	actual, _ := v.types.LoadOrStore(t, p)
	return actual.(*typePlan)
}

// property returns the plan of a property.
func (v *Validator) property(id definitions.PropertyID) *propertyPlan {
	if p := v.properties[id].Load(); p != nil {
		return p
	}
	prop := v.definitions.Property(id)
	e := prop.Element
	p := &propertyPlan{element: e, bounded: e.Max > 1 && e.Max != definitions.Many, maxLength: e.MaxLength}
	if e.Order < 128 {
		p.word, p.bit = e.Order>>6, 1<<(e.Order&63)
	}
	if prop.Type.Kind != definitions.Resource {
		p.plan = v.typePlan(prop.Type)
	}
	if e.Binding != nil && e.Binding.ValueSet != "" && codeable(prop.Type) {
		p.binding = v.binding(e.Binding)
	}
	i := slices.IndexFunc(e.Types, func(ref definitions.TypeRef) bool { return ref.Type == prop.Type })
	if i >= 0 {
		p.targets = v.resourceTargets(e.Types[i].Targets)
		p.profiles = e.Types[i].Profiles
	}
	if !prop.Type.Is("Reference") {
		p.targets = nil
	}
	p.uri = prop.Type.Is("uri")
	p.elementID = e.Attribute && e.Name == "id"
	p.errors, p.others = v.sort(e.Invariants)
	p.nothing = p.plan != nil && prop.Type.Kind == definitions.Primitive && p.binding == nil && p.maxLength == 0 && !p.elementID &&
		len(p.errors)+len(p.others) == 0
	v.properties[id].Store(p)
	return p
}

// codeable says whether values of a type can be bound to a value set.
func codeable(t *definitions.Type) bool {
	switch t.Name {
	case "CodeableConcept", "Coding", "Quantity", "CodeableReference":
		return true
	}
	return t.Is("string") || t.Is("uri")
}

func (v *Validator) binding(b *definitions.Binding) *binding {
	strength := b.Strength
	if url, _, _ := strings.Cut(b.ValueSet, "|"); correctedBindings[url] != "" {
		strength = "extensible"
	}
	return &binding{strength: strength, valueSet: b.ValueSet, set: v.terminology.Set(b.ValueSet)}
}

// resourceTargets leaves out targets that are no types: then none is checked.
func (v *Validator) resourceTargets(targets []string) []string {
	for _, t := range targets {
		if typ := v.definitions.Type(t); typ == nil || typ.Kind != definitions.Resource {
			return nil
		}
	}
	return targets
}

// sort parts invariants in those that a write must keep and others, without
// those that the parser or the walk itself sees to.
func (v *Validator) sort(list []*definitions.Invariant) (errors, others []*rule) {
	for _, inv := range list {
		if inv.Expression == "" || inv.Key == "ele-1" {
			continue
		}
		r := v.rule(inv)
		if r.always {
			continue
		}
		if inv.Severity == "error" && !inv.BestPractice {
			errors = append(errors, r)
		} else {
			others = append(others, r)
		}
	}
	return errors, others
}
