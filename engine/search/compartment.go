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
		return nil, fault.New(fault.NotFound, fault.CodeNotSupported, "", "there is no %s compartment", compartment)
	}
	if resourceType != "" {
		x := c.compartmentOf(compartment, id, resourceType)
		if len(x) == 0 {
			return nil, fault.New(fault.NotFound, fault.CodeNotSupported, "",
				"%s is not part of the %s compartment; search /%s with a parameter instead", resourceType, compartment, resourceType)
		}
		return simplify(x), nil
	}
	var any Or
	for _, t := range c.defs.ResourceTypes() {
		if x := c.compartmentOf(compartment, id, t); len(x) > 0 {
			any = append(any, And{TypeIs{t}, simplify(x)})
		}
	}
	return any, nil
}

// compartmentOf gives the ways in which a resource of a type can belong to a
// compartment; none when it cannot.
func (c *Catalog) compartmentOf(compartment, id, resourceType string) Or {
	t := c.lookup(resourceType)
	if t == nil || resourceType == System {
		return nil
	}
	var any Or
	if resourceType == compartment {
		any = append(any, IDs{id})
	}
	for _, code := range c.defs.Compartment(compartment).Params[resourceType] {
		p := t.params[code]
		if p != nil && p.problem == "" && p.Kind == "reference" {
			any = append(any, Reference{Param: p.Param, Type: compartment, ID: id})
		}
	}
	return any
}
