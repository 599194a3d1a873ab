package search

import (
	"github.com/inglehealth/ingle/spec/fault"
)

// CompartmentFilter is what holds of the resources in a compartment
// (§3.1.1.6, /Patient/123/Observation): those of resourceType that refer to the
// compartment's resource through one of the parameters that its definition
// names, and that resource itself. With resourceType "" it is about every type
// of the compartment. It fails with a *fault.Error when there is no such
// compartment or the type is not part of it.
func (c *Catalog) CompartmentFilter(compartment, id, resourceType string) (Expr, error) {
	def := c.defs.Compartment(compartment)
	if def == nil {
		return nil, noCompartment(compartment)
	}
	one := func(t string) Or {
		return c.compartmentOf(compartment, t, IDs{id}, func(p Param) Expr { return Reference{Param: p, Type: compartment, ID: id} })
	}
	if resourceType != "" {
		x := one(resourceType)
		if len(x) == 0 {
			return nil, outsideOf(compartment, resourceType)
		}
		return simplify(x), nil
	}
	var any Or
	for _, t := range c.defs.ResourceTypes() {
		if x := one(t); len(x) > 0 {
			any = append(any, And{TypeIs{t}, simplify(x)})
		}
	}
	return any, nil
}

// CompartmentsFilter is CompartmentFilter of one type and of every compartment
// whose resource satisfies owner.
func (c *Catalog) CompartmentsFilter(compartment string, owner Expr, resourceType string) (Expr, error) {
	if c.defs.Compartment(compartment) == nil {
		return nil, noCompartment(compartment)
	}
	x := c.compartmentOf(compartment, resourceType, owner, func(p Param) Expr { return Chain{Param: p, Target: compartment, X: owner} })
	if len(x) == 0 {
		return nil, outsideOf(compartment, resourceType)
	}
	return simplify(x), nil
}

func noCompartment(compartment string) error {
	return fault.New(fault.NotFound, fault.CodeNotSupported, "", "there is no %s compartment", compartment)
}

func outsideOf(compartment, resourceType string) error {
	return fault.New(fault.NotFound, fault.CodeNotSupported, "",
		"%s is not part of the %s compartment; search /%s with a parameter instead", resourceType, compartment, resourceType)
}

// compartmentOf gives the ways in which a resource of a type can belong to a
// compartment: by being its resource itself, for which own holds, or by what
// refers gives for a parameter. There are none when it cannot.
func (c *Catalog) compartmentOf(compartment, resourceType string, own Expr, refers func(Param) Expr) Or {
	t := c.lookup(resourceType)
	if t == nil || resourceType == System {
		return nil
	}
	var any Or
	if resourceType == compartment {
		any = append(any, own)
	}
	for _, code := range c.defs.Compartment(compartment).Params[resourceType] {
		p := t.params[code]
		if p != nil && p.problem == "" && p.Kind == "reference" {
			any = append(any, refers(p.Param))
		}
	}
	return any
}

// OwnersFilter is what holds of the resources of a compartment's type in whose
// compartments a resource of another type satisfies x (nil: any does). It fails with a
// *fault.Error when that type is not part of the compartment.
func (c *Catalog) OwnersFilter(compartment, resourceType string, x Expr) (Expr, error) {
	if c.defs.Compartment(compartment) == nil {
		return nil, noCompartment(compartment)
	}
	if x == nil {
		x = And{}
	}
	owned := c.compartmentOf(compartment, resourceType, nil, func(p Param) Expr { return Has{Source: resourceType, Param: p, X: x} })
	if len(owned) == 0 {
		return nil, outsideOf(compartment, resourceType)
	}
	return simplify(owned), nil
}
