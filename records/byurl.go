package records

import (
	"context"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// byURL finds the stored resource of a type with a canonical URL that the
// session may see, that of the last change if there are several; nil when
// there is none.
func (s *Session) byURL(ctx context.Context, rel *release, typ, canonical string) (*fhir.Tree, error) {
	q, err := s.urlQuery(rel, typ, canonical)
	if err != nil {
		return nil, err
	}
	record, found, err := s.first(ctx, q)
	if err != nil || !found {
		return nil, err
	}
	return s.door.tree(record)
}

// urlQuery asks for the resource that byURL finds.
func (s *Session) urlQuery(rel *release, typ, canonical string) (*search.Query, error) {
	url, version, _ := strings.Cut(canonical, "|")
	pairs := []search.Pair{{Name: "url", Value: search.Escape(url)}, {Name: "_sort", Value: "-_lastUpdated"}, {Name: "_count", Value: "1"}}
	if version != "" {
		pairs = append(pairs, search.Pair{Name: "version", Value: search.Escape(version)})
	}
	q, err := rel.catalog.Parse(typ, pairs, search.ParseOptions{Now: s.door.now(), DefaultCount: 1, MaxCount: 1})
	if err != nil {
		return nil, err
	}
	q.Filter = s.only(q.Types, seeing, q.Filter)
	return q, nil
}

// first is the first record that a query finds.
func (s *Session) first(ctx context.Context, q *search.Query) (record store.Record, found bool, err error) {
	page, err := s.door.store.Search(ctx, q)
	if err != nil {
		return record, false, s.door.fault(err)
	}
	if len(page.Records) == 0 {
		return record, false, nil
	}
	return page.Records[0], true, nil
}
