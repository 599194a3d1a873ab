package graphql

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/inglehealth/ingle/spec/fault"
)

// selection is what is selected of a value, with a plan for each type that the
// value turns out to have. Fields of one name in the answer are merged, so it
// may stand in several places of the query.
type selection struct {
	sets  []ast.SelectionSet
	root  bool
	plans map[*named]*plan
}

// plan is a selection for one type.
type plan struct {
	fields []*planned
	// unknown are fields that the type does not have, and impossible the
	// fragments that are not for it. Both are wrong where no other type can
	// stand.
	unknown    []*ast.Field
	impossible []*ast.Position
}

// planned is a field with its arguments understood.
type planned struct {
	*field
	key string // name in the answer
	at  *ast.Position
	shaping
	arguments arguments
	sub       *selection // nil for a scalar
	identity  string     // fields of one key must agree in it

	elements *elementFilter
	lookup   *lookup
	optional bool     // of a reference
	only     []string // types of a reference
}

// plan makes or recalls the plan of a selection for a type. Errors have no
// place in the answer yet.
func (d *document) plan(sel *selection, on *named) (*plan, error) {
	if p := sel.plans[on]; p != nil {
		return p, nil
	}
	c := collector{d: d, on: on, sel: sel, plan: &plan{}, spread: map[string]bool{}}
	for _, set := range sel.sets {
		if err := c.collect(set); err != nil {
			return nil, err
		}
	}
	if sel.plans == nil {
		sel.plans = map[*named]*plan{}
	}
	sel.plans[on] = c.plan
	return c.plan, nil
}

// collector gathers the fields of a selection (spec.graphql.org §6.3.2).
type collector struct {
	d      *document
	on     *named
	sel    *selection
	plan   *plan
	spread map[string]bool
}

func (c *collector) collect(set ast.SelectionSet) error {
	for _, s := range set {
		var err error
		switch s := s.(type) {
		case *ast.Field:
			err = c.field(s)
		case *ast.InlineFragment:
			err = c.fragment(s.TypeCondition, s.Directives, s.SelectionSet, s.Position)
		case *ast.FragmentSpread:
			f := c.d.fragments[s.Name]
			if f == nil {
				return failure(invalid(s.Position, nil, fault.CodeNotFound, "there is no fragment called %s", fault.Shorten(s.Name)))
			}
			var wanted bool
			if wanted, err = c.d.wanted(s.Directives); err != nil || !wanted || c.spread[s.Name] {
				break
			}
			c.spread[s.Name] = true
			err = c.fragment(f.TypeCondition, s.Directives, f.SelectionSet, s.Position)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) fragment(condition string, directives ast.DirectiveList, set ast.SelectionSet, at *ast.Position) error {
	if err := onlyConditions(directives); err != nil {
		return err
	}
	if wanted, err := c.d.wanted(directives); err != nil || !wanted {
		return err
	}
	if condition != "" && !c.on.is(condition) {
		if err := c.on.schema.checkCondition(condition, at); err != nil {
			return err
		}
		c.plan.impossible = append(c.plan.impossible, at)
		return nil
	}
	return c.collect(set)
}

// checkCondition refuses a type condition that names no type with fields.
func (s *Schema) checkCondition(condition string, at *ast.Position) error {
	if t := s.types[condition]; t != nil && (t.kind == object || t.kind == abstract) {
		return nil
	}
	hint := ""
	if near := fault.Nearest(condition, s.names()); near != "" {
		hint = "; did you mean " + near + "?"
	}
	return failure(invalid(at, nil, fault.CodeNotFound, "there is no type %s that a fragment could be for%s", fault.Shorten(condition), hint))
}

func (c *collector) field(f *ast.Field) error {
	wanted, err := c.d.wanted(f.Directives)
	if err != nil || !wanted {
		return err
	}
	def := c.d.find(c.on, f.Name, c.sel.root)
	if def == nil {
		c.plan.unknown = append(c.plan.unknown, f)
		return nil
	}
	p, err := c.d.prepare(c.on, def, f)
	if err != nil {
		return err
	}
	for _, other := range c.plan.fields {
		if other.key != p.key {
			continue
		}
		if other.identity == p.identity {
			if other.sub != nil {
				other.sub.sets = append(other.sub.sets, f.SelectionSet)
			}
			return nil
		}
		if !apart(other, p) {
			return failure(invalid(f.Position, nil, fault.CodeConflict,
				"%q is asked for twice with different fields, arguments or directives: give one of them another name, as in other: %s", fault.Shorten(p.key), def.name))
		}
	}
	c.plan.fields = append(c.plan.fields, p)
	return nil
}

// find looks a field up in a type; nil when there is none.
func (d *document) find(on *named, name string, root bool) *field {
	if root {
		if f := on.schema.rootField(on, name); f != nil {
			return f
		}
	}
	return on.field(name)
}

// apart says whether two fields of one name in the answer never have a value
// both: resource(type: Patient) and resource(type: Group) of a reference.
func apart(a, b *planned) bool {
	return a.source == fromReference && b.source == fromReference && len(a.only) > 0 && len(b.only) > 0 &&
		!slices.ContainsFunc(a.only, func(t string) bool { return slices.Contains(b.only, t) })
}
