package graphql

import (
	"context"
	"errors"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/inglehealth/ingle/spec/fault"
)

// checker looks at a whole query before anything is read.
type checker struct {
	ctx    context.Context
	d      *document
	l      Limits
	fields int
	errs   []Error
}

// errStop ends a check that has found enough.
var errStop = errors.New("enough")

// check finds what is wrong with the selection of a root.
func (d *document) check(ctx context.Context, sel *selection, on *named, l Limits) error {
	c := &checker{ctx: ctx, d: d, l: l}
	if err := c.selection(sel, []*named{on}, nil, 1); err != nil && !errors.Is(err, errStop) {
		return err
	}
	if len(c.errs) > 0 {
		return failure(c.errs...)
	}
	return nil
}

// note keeps an error and its place.
func (c *checker) note(err error, p *place) error {
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		return err
	}
	for _, e := range f.Errors {
		if e.Response == nil {
			e.Response = p.path()
		}
		c.errs = append(c.errs, e)
	}
	if len(c.errs) >= maxErrors {
		return errStop
	}
	return nil
}

// enter counts a field.
func (c *checker) enter(at *ast.Position, p *place, depth int) error {
	c.fields++
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case depth > c.l.Depth:
		c.errs = []Error{tooCostly(at, p, "the query is more than %d fields deep, which is the limit (Depth): ask for less inside one another", c.l.Depth)}
		return errStop
	case c.fields > c.l.Fields:
		c.errs = []Error{tooCostly(at, p, "the query asks for more than %d fields, those of each use of a fragment counted, which is the limit (Fields)", c.l.Fields)}
		return errStop
	}
	return nil
}

// selection checks a selection for the types that the value may have.
func (c *checker) selection(sel *selection, on []*named, p *place, depth int) error {
	if len(on) != 1 {
		for _, set := range sel.sets {
			if err := c.abstract(set, on, p, depth); err != nil {
				return err
			}
		}
		return nil
	}
	pl, err := c.d.plan(sel, on[0])
	if err != nil {
		return c.note(err, p)
	}
	for _, f := range pl.unknown {
		if err := c.note(unknownField(f, on), p.below(f.Alias)); err != nil {
			return err
		}
	}
	for _, at := range pl.impossible {
		if err := c.note(failure(invalid(at, nil, fault.CodeStructure, "the fragment is for another type than %s, which stands here", on[0].name)), p); err != nil {
			return err
		}
	}
	for _, f := range pl.fields {
		here := p.below(f.key)
		if err := c.enter(f.at, here, depth); err != nil {
			return err
		}
		if f.sub == nil {
			continue
		}
		if err := c.selection(f.sub, f.typ.of.concrete(), here, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// abstract checks a selection where any of several types may stand: a field
// must be right for one of them.
func (c *checker) abstract(set ast.SelectionSet, on []*named, p *place, depth int) error {
	for _, s := range set {
		var err error
		switch s := s.(type) {
		case *ast.Field:
			err = c.abstractField(s, on, p.below(s.Alias), depth)
		case *ast.InlineFragment:
			err = c.condition(s.TypeCondition, s.Directives, s.SelectionSet, s.Position, on, p, depth)
		case *ast.FragmentSpread:
			if f := c.d.fragments[s.Name]; f != nil {
				err = c.condition(f.TypeCondition, s.Directives, f.SelectionSet, s.Position, on, p, depth)
			} else {
				err = c.note(failure(invalid(s.Position, nil, fault.CodeNotFound, "there is no fragment called %s", fault.Shorten(s.Name))), p)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) abstractField(f *ast.Field, on []*named, p *place, depth int) error {
	if err := c.enter(f.Position, p, depth); err != nil {
		return err
	}
	var below []*named
	var first error
	known, fine := false, false
	seen := map[*named]bool{}
	for _, t := range on {
		def := c.d.find(t, f.Name, false)
		if def == nil {
			continue
		}
		known = true
		if !fine {
			_, err := c.d.prepare(t, def, f)
			if fine = err == nil; first == nil {
				first = err
			}
		}
		for _, b := range def.typ.of.concrete() {
			if !seen[b] {
				seen[b] = true
				below = append(below, b)
			}
		}
	}
	switch {
	case !known:
		return c.note(unknownField(f, on), p)
	case !fine:
		return c.note(first, p)
	case len(f.SelectionSet) == 0:
		return nil
	}
	return c.selection(&selection{sets: []ast.SelectionSet{f.SelectionSet}}, below, p, depth+1)
}

// condition checks a fragment for those of the types that it is for.
func (c *checker) condition(condition string, directives ast.DirectiveList, set ast.SelectionSet, at *ast.Position, on []*named, p *place, depth int) error {
	if err := onlyConditions(directives); err != nil {
		return c.note(err, p)
	}
	if wanted, err := c.d.wanted(directives); err != nil {
		return c.note(err, p)
	} else if !wanted {
		return nil
	}
	if condition == "" {
		return c.abstract(set, on, p, depth)
	}
	var left []*named
	for _, t := range on {
		if t.is(condition) {
			left = append(left, t)
		}
	}
	if len(left) > 0 {
		return c.selection(&selection{sets: []ast.SelectionSet{set}}, left, p, depth)
	}
	err := on[0].schema.checkCondition(condition, at)
	if err == nil {
		err = failure(invalid(at, nil, fault.CodeStructure, "the fragment is for %s, which cannot stand here", fault.Shorten(condition)))
	}
	return c.note(err, p)
}

// unknownField says that no type has a field, and what was meant.
func unknownField(f *ast.Field, on []*named) error {
	seen := map[string]bool{}
	var candidates []string
	for _, t := range on {
		for _, known := range t.fields() {
			if !seen[known.name] {
				seen[known.name] = true
				candidates = append(candidates, known.name)
			}
		}
	}
	// A choice is asked for by the name it has in JSON.
	var choices []string
	for _, name := range candidates {
		if rest, ok := strings.CutPrefix(name, f.Name); ok && rest != "" && rest == upper(rest) && !strings.HasPrefix(rest, "_") {
			choices = append(choices, name)
		}
	}
	hint := suggest(f.Name, candidates)
	if len(choices) > 1 {
		hint = "; it has: " + strings.Join(choices[:min(len(choices), 12)], ", ")
	}
	if len(on) > 1 {
		return failure(invalid(f.Position, nil, fault.CodeNotSupported, "no type that can stand here has a field %s%s", fault.Shorten(f.Name), hint))
	}
	return failure(invalid(f.Position, nil, fault.CodeNotSupported, "%s has no field %s%s", on[0].name, fault.Shorten(f.Name), hint))
}
