package records

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// condition is the criteria of a conditional interaction.
type condition struct {
	s     *Session
	typ   fhir.Type
	query *search.Query
}

// condition parses criteria, strictly whatever the request's handling: one
// that is ignored would select too much.
func (s *Session) condition(ctx context.Context, t fhir.Type, criteria []search.Pair) (*condition, error) {
	if err := s.may(t, smart.Search); err != nil {
		return nil, err
	}
	if err := s.door.indexes.refresh(ctx); err != nil {
		return nil, s.door.fault(err)
	}
	rel := s.door.releaseOf("", t)
	q, err := rel.catalog.Parse(string(t), criteria, s.parsing(ctx, rel))
	if err != nil {
		return nil, err
	}
	if err := s.queries(q); err != nil {
		return nil, err
	}
	if err := ownOnly(q); err != nil {
		return nil, err
	}
	if q.Filter == nil {
		return nil, fault.New(fault.PreconditionFailed, fault.CodeRequired, "", "a conditional interaction needs search criteria, such as identifier=system|value")
	}
	q.Filter, q.Sort, q.Total, q.Includes = s.narrow(q.Types, q.Filter), nil, search.TotalNone, nil
	return &condition{s, t, q}, nil
}

// all returns up to limit matches.
func (c *condition) all(ctx context.Context, r store.Reader, limit int) ([]store.Record, error) {
	q := *c.query
	q.Count = limit
	ctx, cancel := c.s.door.bounded(ctx)
	defer cancel()
	page, err := r.Search(ctx, &q)
	return page.Records, err
}

// one returns the only match, a zero Record when there is none, and
// PreconditionFailed when there are several.
func (c *condition) one(ctx context.Context, r store.Reader) (store.Record, error) {
	found, err := c.all(ctx, r, 2)
	switch {
	case err != nil, len(found) == 0:
		return store.Record{}, err
	case len(found) > 1:
		return store.Record{}, fault.New(fault.PreconditionFailed, fault.CodeMultiple, "", "the criteria match several %s resources, %s and %s among them: make them more specific", c.typ, found[0].Key, found[1].Key)
	}
	return found[0], nil
}

// bounded gives one search the time that policy allows.
func (d *Door) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d.policy.SearchTime)
}
