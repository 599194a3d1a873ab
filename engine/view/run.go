package view

import (
	"context"
	"errors"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Bounds on the work for one resource.
const (
	maxRows   = 1_000_000
	maxSteps  = 2_000_000 // selects applied to elements
	maxRepeat = 100       // levels that repeat goes down
)

// rowIndex is the variable that numbers the elements of the nearest forEach or
// repeat, from 0.
const rowIndex = "rowIndex"

// Run calls yield with each row that the view makes of a resource: none when
// it is of another type or a where leaves it out. env says what expressions
// may ask for; its Resource, Definitions and Variables are not used. A row is valid until
// yield returns, whose error ends the run and is returned.
//
// A *fault.Error tells what data a column cannot hold, and where the work grew
// over its bounds; other errors are ctx's, or of env's interfaces.
func (v *View) Run(ctx context.Context, env fhirpath.Env, resource fhir.Node, yield func(Row) error) error {
	if resource.Type().Name != v.Resource {
		return nil
	}
	r := &run{ctx: ctx, view: v, env: env, resource: resource, row: make(Row, len(v.Columns)), yield: yield}
	r.env.Resource, r.env.RootResource, r.env.Definitions = resource, resource, resource.Tree().Definitions()
	r.env.Variables = v.constants
	if v.numbers {
		r.env.Variables = make(map[string]fhirpath.Collection, len(v.constants)+1)
		for name, value := range v.constants {
			r.env.Variables[name] = value
		}
	}
	root := element{value: fhirpath.NodeValue(resource)}
	for _, w := range v.where {
		ok, err := r.holds(w, root)
		if err != nil || !ok {
			return err
		}
	}
	return r.all(v.selects, root, r.emit)
}

type run struct {
	ctx         context.Context
	view        *View
	env         fhirpath.Env
	resource    fhir.Node
	row         Row
	yield       func(Row) error
	steps, rows int
}

// element is what columns are applied to, with its number in the forEach.
type element struct {
	value fhirpath.Value
	index int
}

func (r *run) emit() error {
	if r.rows++; r.rows > maxRows {
		return r.costly("rows", maxRows)
	}
	return r.yield(r.row)
}

func (r *run) costly(what string, limit int) error {
	return fault.New(fault.Unprocessable, fault.CodeTooCostly, "",
		"the view makes more than %s %s of %s: forEach and unionAll side by side multiply", humanize.Comma(int64(limit)), what, r.resource.Tree().Key())
}

// holds says whether a where lets the resource pass.
func (r *run) holds(w criterion, root element) (bool, error) {
	out, err := r.evaluate(w.path, root)
	if err != nil || len(out) == 0 {
		return false, err
	}
	truth, ok := out[0].Truth()
	if !ok || len(out) > 1 {
		return false, r.fail(w.path, "a where must be true or false; here it gives %s", describe(out))
	}
	return truth, nil
}

// all applies selects that stand side by side: then runs for every combination
// of their rows.
func (r *run) all(selects []*selection, e element, then func() error) error {
	if len(selects) == 0 {
		return then()
	}
	return r.one(selects[0], e, func() error { return r.all(selects[1:], e, then) })
}

// one applies a select: then runs for each of its rows.
func (r *run) one(s *selection, e element, then func() error) error {
	switch {
	case s.forEach != nil:
		found, err := r.evaluate(*s.forEach, e)
		if err != nil {
			return err
		}
		for i, v := range found {
			if err := r.fill(s, element{v, i}, then); err != nil {
				return err
			}
		}
		if len(found) == 0 && s.orNull {
			clear(r.row[s.first:s.last])
			return then()
		}
		return nil
	case s.repeat != nil:
		n := 0
		return r.descend(s, e, 0, &n, then)
	}
	return r.fill(s, e, then)
}

// descend applies a repeat: its paths to the element, to what they find there,
// and so on.
func (r *run) descend(s *selection, e element, depth int, n *int, then func() error) error {
	if depth > maxRepeat {
		return r.fail(s.repeat[0], "repeat goes down more than %d levels", maxRepeat)
	}
	for _, path := range s.repeat {
		found, err := r.evaluate(path, e)
		if err != nil {
			return err
		}
		for _, v := range found {
			child := element{v, *n}
			*n++
			if err := r.fill(s, child, then); err != nil {
				return err
			}
			if err := r.descend(s, child, depth+1, n, then); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill evaluates the columns of a select for one element, then what is nested
// in it.
func (r *run) fill(s *selection, e element, then func() error) error {
	if r.steps++; r.steps > maxSteps {
		return r.costly("steps", maxSteps)
	}
	if r.steps&255 == 0 {
		if err := r.ctx.Err(); err != nil {
			return err
		}
	}
	for _, c := range s.columns {
		out, err := r.evaluate(c.path, e)
		if err != nil {
			return err
		}
		if r.row[c.place], err = r.cell(c, out); err != nil {
			return err
		}
	}
	return r.all(s.nested, e, func() error {
		if s.union == nil {
			return then()
		}
		for _, branch := range s.union {
			if err := r.one(branch, e, then); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *run) evaluate(x expression, e element) (fhirpath.Collection, error) {
	if r.view.numbers {
		r.env.Variables[rowIndex] = fhirpath.Collection{fhirpath.Integer(int32(e.index))}
	}
	out, err := x.Evaluate(r.ctx, &r.env, fhirpath.Collection{e.value})
	if err == nil {
		return out, nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok || r.ctx.Err() != nil {
		return nil, err
	}
	if _, ok := errors.AsType[*fhirpath.LimitError](err); ok {
		return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, x.at, "%v (in %s)", err, r.resource.Tree().Key())
	}
	return nil, r.fail(x, "%v", err)
}
