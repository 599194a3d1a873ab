package search

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// within reads :above and :below of a reference: through a hierarchy of
// resources (§3.1.1.4.14), or :below of a canonical by the beginning of its
// version (§3.1.1.4.13).
func (p *parser) within(param found, modifier, raw string) (Expr, error) {
	x, err := p.reference(param, "", raw)
	if err != nil {
		return nil, err
	}
	references, ok := x.(Or)
	if !ok {
		references = Or{x}
	}
	var any Or
	var flat []string
	for _, one := range references {
		r := one.(Reference)
		via := p.c.hierarchy(r.Type)
		switch {
		case r.URL != "" && modifier == "below":
			r.Below = r.Version != ""
			any = append(any, r)
		case r.URL != "":
			return nil, fmt.Errorf("modifier :above takes a resource of this server")
		case r.Type == "":
			return nil, fmt.Errorf("modifier :%s takes Type/id here", modifier)
		case via == nil:
			flat = append(flat, r.Type)
		default:
			any = append(any, Within{Param: param.as, Type: r.Type, ID: r.ID, Via: via.Param, Above: modifier == "above"})
		}
	}
	if len(any) == 0 {
		return nil, fmt.Errorf("modifier :%s takes resources that are part of others of their type; %s is not", modifier, strings.Join(flat, ", "))
	}
	return simplify(any), nil
}

// wholes are the elements that say of what a resource is part.
var wholes = []string{"partOf", "parent", "parentDevice"}

// hierarchy is the parameter through which resources of a type are part of
// others of that type, nil when there is none.
func (c *Catalog) hierarchy(typeName string) *parameter {
	if typeName == "" || c.types[typeName] == nil {
		return nil
	}
	for _, p := range c.lookup(typeName).list {
		if p.Kind != definitions.SearchReference || p.problem != "" || !slices.Contains(p.def.Targets, typeName) {
			continue
		}
		paths, err := parsePaths(c.defs, p.def.Expression)
		if err == nil && slices.ContainsFunc(paths, func(one path) bool {
			return one.root == typeName && len(one.steps) == 1 && slices.Contains(wholes, one.steps[0].name)
		}) {
			return p
		}
	}
	return nil
}
