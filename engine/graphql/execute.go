package graphql

import (
	"context"
	"errors"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Execute answers a query with a JSON object that has the member data. With
// root the query is about that resource, which must be of the schema's
// release; nil means the whole system. The error is a *Failure, or what ended
// ctx or the Fetcher's work.
func (s *Schema) Execute(ctx context.Context, r Request, root *fhir.Tree, f Fetcher, l Limits) ([]byte, error) {
	l = l.withDefaults()
	d, err := s.parse(r, l)
	if err != nil {
		return nil, err
	}
	on, focus := s.query, any(nil)
	if root != nil {
		on, focus = s.byType[root.Root().Type()], root.Root()
	}
	sel := &selection{root: true}
	sel.sets = append(sel.sets, d.operation.SelectionSet)
	if err := d.check(ctx, sel, on, l); err != nil {
		return nil, err
	}
	x := &execution{ctx: ctx, d: d, l: l, schema: s, fetch: f, trees: map[string]*fhir.Tree{}, envs: map[*fhir.Tree]*fhirpath.Env{}}
	answer, err := x.expand(focus, on, sel, nil)
	if err != nil {
		return nil, err
	}
	for len(x.reads)+len(x.searches) > 0 {
		if err := x.level(); err != nil {
			return nil, err
		}
	}
	return answer.render()
}

// execution is one query being run. First the answer is gathered as results,
// level by level of what must be read; then it is written.
type execution struct {
	ctx    context.Context
	d      *document
	l      Limits
	schema *Schema
	fetch  Fetcher

	reads    []pendingRead
	searches []pendingSearch
	trees    map[string]*fhir.Tree // what was read, by reference; nil for what is not here
	envs     map[*fhir.Tree]*fhirpath.Env

	resources int
	searched  int
	bytes     int64
}

// answer is what a selection gives for one value.
type answer struct {
	results []result
}

// result is what one field gives.
type result struct {
	field *planned
	place *place
	items []item
}

// item is one value of a field: JSON, or an answer of its own; neither is null.
type item struct {
	json   []byte
	answer *answer
	suffix string // of @slice, with its dot
}

// expand gathers what a selection gives for a value of type on.
func (x *execution) expand(focus any, on *named, sel *selection, p *place) (*answer, error) {
	if err := x.ctx.Err(); err != nil {
		return nil, err
	}
	pl, err := x.d.plan(sel, on)
	if err != nil {
		return nil, placed(err, p)
	}
	if err := x.charge(len(pl.fields), p); err != nil {
		return nil, err
	}
	a := &answer{results: make([]result, len(pl.fields))}
	for i, f := range pl.fields {
		a.results[i] = result{field: f, place: p.below(f.key)}
		if err := x.resolve(&a.results[i], focus, on); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// placed gives the errors of a failure that have no place in the answer one.
func placed(err error, p *place) error {
	if f, ok := errors.AsType[*Failure](err); ok {
		for i := range f.Errors {
			if f.Errors[i].Response == nil {
				f.Errors[i].Response = p.path()
			}
		}
	}
	return err
}

// charge counts bytes of the answer.
func (x *execution) charge(n int, p *place) error {
	if x.bytes += int64(n) + 8; x.bytes > x.l.Answer {
		return failure(tooCostly(nil, p, "the answer would be larger than %s, which is the limit (Answer): ask for fewer fields or resources", humanize.IBytes(uint64(x.l.Answer))))
	}
	return nil
}

// typeOf is the type of a node in the schema of its release.
func (x *execution) typeOf(n fhir.Node) (*named, error) {
	s := x.schema
	if d := n.Tree().Definitions(); d != s.defs {
		var err error
		if s, err = x.fetch.Schema(d.Release); err != nil {
			return nil, err
		}
	}
	return s.byType[n.Type()], nil
}

func (x *execution) env(tree *fhir.Tree) *fhirpath.Env {
	if x.envs[tree] == nil {
		x.envs[tree] = x.fetch.Environment(tree)
	}
	return x.envs[tree]
}

// put adds a value that is JSON already.
func (x *execution) put(r *result, json []byte, suffix string) error {
	r.items = append(r.items, item{json: json, suffix: suffix})
	return x.charge(len(r.field.key)+len(suffix)+len(json), r.place)
}

// grow adds a value that has fields.
func (x *execution) grow(r *result, focus any, on *named, suffix string) error {
	p := r.place
	if r.field.typ.list {
		p = p.below(len(r.items))
	}
	if err := x.charge(len(r.field.key)+len(suffix), p); err != nil {
		return err
	}
	// The place is taken before what is below is gathered, which may be later.
	r.items = append(r.items, item{suffix: suffix})
	at := len(r.items) - 1
	a, err := x.expand(focus, on, r.field.sub, p)
	r.items[at].answer = a
	return err
}

// growNode is grow for a node, whose own type counts.
func (x *execution) growNode(r *result, n fhir.Node, suffix string) error {
	on, err := x.typeOf(n)
	if err != nil {
		return err
	}
	return x.grow(r, n, on, suffix)
}
