package records

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/view"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// TableRequest runs a ViewDefinition of SQL on FHIR.
type TableRequest struct {
	Content   *Content // the view, or
	Reference string   // a stored one: ViewDefinition/1, or its canonical URL
	// Resources are what the table is made of; nil: what is stored.
	Resources []*fhir.Tree
	// Of what is stored only:
	Patients []string  // ids or references: what is in one of their compartments; empty: all
	Groups   []string  // ids or references: what is in a compartment of one of their members; empty: all
	Since    time.Time // what changed then or later; zero: all
}

// Table is a view that is ready to run over what its session may see.
type Table struct {
	*view.View
	s         *Session
	resources []*fhir.Tree
	query     *search.Query // of what is stored
}

// Table reads and checks a view and what it is to be run over.
func (s *Session) Table(ctx context.Context, r TableRequest) (*Table, error) {
	ctx, pass := span.Start(ctx, "door table")
	defer pass.End()
	tree, err := s.viewDefinition(ctx, r)
	if err != nil {
		return nil, err
	}
	rel := s.door.releaseOf("", fhir.Type(tree.Root().Child("resource").Text()))
	v, err := view.Compile(rel.defs, tree.Root())
	if err != nil {
		return nil, err
	}
	t := &Table{View: v, s: s, resources: r.Resources}
	if r.Resources != nil {
		return t, nil
	}
	return t, t.stored(ctx, rel, r)
}

// viewDefinition is the view that a request means.
func (s *Session) viewDefinition(ctx context.Context, r TableRequest) (*fhir.Tree, error) {
	if r.Content != nil {
		_, tree, err := s.door.parse(*r.Content)
		return tree, err
	}
	key, version, ok := s.door.local(s.door.config.Definitions, r.Reference)
	if !ok {
		return s.viewByURL(ctx, r.Reference)
	}
	if key.Type != "ViewDefinition" {
		return nil, fault.New(fault.Invalid, fault.CodeValue, "", "%s is no ViewDefinition", key)
	}
	record, err := s.version(ctx, s.door.store, key, version, smart.Read)
	if err != nil {
		return nil, err
	}
	if record.Deleted {
		return nil, gone(record)
	}
	return s.door.tree(record)
}

// viewByURL finds the stored view with a canonical URL.
func (s *Session) viewByURL(ctx context.Context, canonical string) (*fhir.Tree, error) {
	tree, err := s.byURL(ctx, s.door.release(""), "ViewDefinition", canonical)
	if err == nil && tree == nil {
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "there is no ViewDefinition %s here", fault.Shorten(canonical))
	}
	return tree, err
}

// tablePage is how many resources are read at a time.
const tablePage = 500

// stored makes the query of the stored resources.
func (t *Table) stored(ctx context.Context, rel *release, r TableRequest) error {
	d := t.s.door
	if err := t.s.may(fhir.Type(t.Resource), smart.Search); err != nil {
		return err
	}
	var pairs []search.Pair
	if !r.Since.IsZero() {
		pairs = []search.Pair{{Name: "_lastUpdated", Value: "ge" + r.Since.UTC().Format(time.RFC3339Nano)}}
	}
	q, err := rel.catalog.Parse(t.Resource, pairs, search.ParseOptions{Now: d.now(), DefaultCount: tablePage, MaxCount: tablePage})
	if err != nil {
		return err
	}
	limits, err := t.limits(ctx, rel, r)
	if err != nil {
		return err
	}
	switch {
	case q.Filter != nil && len(limits) > 0:
		q.Filter = append(limits, q.Filter)
	case len(limits) > 0:
		q.Filter = limits
	}
	q.Filter, q.Bytes = t.s.only(q.Types, smart.Search, q.Filter), d.pageBytes()
	t.query = q
	return nil
}

// errStopped says that the caller has seen enough.
var errStopped = errors.New("records: the rows are not wanted any more")

// Rows yields the rows of the table. A row is valid until the next one. Memory
// holds one page of resources; policy bounds the time that each page takes to
// be found. Resources that do not change meanwhile are read exactly once.
func (t *Table) Rows(ctx context.Context) iter.Seq2[view.Row, error] {
	return func(yield func(view.Row, error) bool) {
		err := t.each(ctx, func(tree *fhir.Tree) error {
			env := t.s.Environment(tree)
			env.Limits, env.Used = tableLimits(tree), new(fhirpath.Usage)
			return t.Run(ctx, *env, tree.Root(), func(row view.Row) error {
				if !yield(row, nil) {
					return errStopped
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, t.s.door.fault(err))
		}
	}
}

// tableLimits bound the work of all expressions over one resource as that of one
// $fhirpath call, and by its size where that is more.
func tableLimits(tree *fhir.Tree) fhirpath.Limits {
	l := evaluateLimits
	l.Steps, l.Items = max(l.Steps, 50*tree.Len()), max(l.Items, tree.Len())
	return l
}

// each visits the resources.
func (t *Table) each(ctx context.Context, visit func(*fhir.Tree) error) error {
	for _, tree := range t.resources {
		if err := visit(tree); err != nil {
			return err
		}
	}
	if t.query == nil {
		return nil
	}
	q := *t.query
	for {
		page, err := t.page(ctx, &q)
		if err != nil {
			return err
		}
		for _, record := range page.Records {
			tree, err := t.s.whole(ctx, record)
			if errors.Is(err, errWithheld) {
				continue
			}
			if err != nil {
				return err
			}
			if err := visit(tree); err != nil {
				return err
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

func (t *Table) page(ctx context.Context, q *search.Query) (store.Page, error) {
	ctx, cancel := t.s.door.bounded(ctx)
	defer cancel()
	return t.s.door.store.Search(ctx, q)
}
