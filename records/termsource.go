package records

import (
	"context"
	"slices"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// termSource gives the stored value sets, code systems and concept maps that
// the session may see. What it found it remembers, so that one operation sees
// one state of them; it is made for one request.
type termSource struct {
	s     *Session
	rel   *release
	mu    sync.Mutex
	some  *bool
	seen  map[termQuestion][]store.Record // without bodies
	known map[termQuestion]any            // slices of what is ready
}

type termQuestion struct {
	typ fhir.Type
	url string
}

// terminology is the terminology service with the session's sight, over the
// packages of a release.
func (s *Session) terminology(rel *release) *terminology.Service {
	return terminology.NewService(rel.terms, s.termSource(rel))
}

func (s *Session) termSource(rel *release) *termSource {
	return &termSource{s: s, rel: rel, seen: map[termQuestion][]store.Record{}, known: map[termQuestion]any{}}
}

// Terminology is the terminology service with the session's sight, over the
// packages of a release, "" for the primary one. What it reads of the store it
// remembers: it is for one request, not to be kept.
func (s *Session) Terminology(r definitions.Release) *terminology.Service {
	return s.terminology(s.door.releaseOf(r, ""))
}

// Any says whether any value set, code system or concept map is stored.
func (t *termSource) Any(ctx context.Context) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.some != nil {
		return *t.some, nil
	}
	some := false
	for _, typ := range []string{"ValueSet", "CodeSystem", "ConceptMap"} { // one by one, by the index on types
		page, err := t.s.door.store.Search(ctx, &search.Query{Types: []string{typ}, Filter: t.s.only([]string{typ}, seeing, nil), Count: 1, Heads: true})
		if err != nil {
			return false, t.s.door.fault(err)
		}
		if some = len(page.Records) > 0; some {
			break
		}
	}
	t.some = &some
	return some, nil
}

// ValueSets gives the stored value sets with a URL.
func (t *termSource) ValueSets(ctx context.Context, url string) ([]*terminology.ValueSet, error) {
	return stored(ctx, t, "ValueSet", url, func(r terminology.Resource) *terminology.ValueSet { return r.ValueSet })
}

// CodeSystems gives the stored code systems with a URL.
func (t *termSource) CodeSystems(ctx context.Context, url string) ([]*terminology.CodeSystem, error) {
	return stored(ctx, t, "CodeSystem", url, func(r terminology.Resource) *terminology.CodeSystem { return r.CodeSystem })
}

// ConceptMaps gives the stored concept maps with a URL, or all.
func (t *termSource) ConceptMaps(ctx context.Context, url string) ([]*terminology.ConceptMap, error) {
	return stored(ctx, t, "ConceptMap", url, func(r terminology.Resource) *terminology.ConceptMap { return r.ConceptMap })
}

// stored finds the resources of a type with a URL and makes them ready.
func stored[T any](ctx context.Context, t *termSource, typ fhir.Type, url string, of func(terminology.Resource) *T) ([]*T, error) {
	if some, err := t.Any(ctx); err != nil || !some {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	question := termQuestion{typ, url}
	if list, ok := t.known[question]; ok {
		return list.([]*T), nil
	}
	heads, err := t.heads(ctx, question)
	if err != nil {
		return nil, t.s.door.fault(err)
	}
	var out []*T
	for _, head := range heads {
		r, err := t.s.door.ready(ctx, head)
		if err != nil {
			return nil, t.s.door.fault(err)
		}
		if v := of(r); v != nil {
			out = append(out, v)
		}
	}
	t.known[question] = out
	return out, nil
}

// maxTermVersions bounds the stored resources of one URL, and the concept maps
// among which one without a URL is looked for.
const maxTermVersions = 1000

// heads are the records, without bodies, of a type with a URL, or of all. The
// caller holds t.mu.
func (t *termSource) heads(ctx context.Context, question termQuestion) ([]store.Record, error) {
	if seen, ok := t.seen[question]; ok {
		return seen, nil
	}
	q := &search.Query{Types: []string{string(question.typ)}, Count: maxTermVersions, Heads: true}
	if question.url != "" {
		param, ok := t.rel.catalog.Param(string(question.typ), "url")
		if !ok {
			return nil, nil
		}
		q.Filter = search.URI{Param: param, Value: question.url}
	}
	q.Filter = t.s.only(q.Types, seeing, q.Filter)
	page, err := t.s.door.store.Search(ctx, q)
	if err == nil {
		t.seen[question] = page.Records
	}
	return page.Records, err
}

// sight is what a termSource saw: whether anything is stored, and which
// versions answered its questions.
type sight struct {
	some bool
	seen map[termQuestion][]written
}

func (t *termSource) sight() sight {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := sight{some: t.some != nil && *t.some, seen: make(map[termQuestion][]written, len(t.seen))}
	for question, heads := range t.seen {
		out.seen[question] = versionsOf(heads)
	}
	return out
}

// sees says whether t sees what another one saw, no more and no less.
func (t *termSource) sees(ctx context.Context, other sight) (bool, error) {
	if some, err := t.Any(ctx); err != nil || some != other.some {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for question, versions := range other.seen {
		heads, err := t.heads(ctx, question)
		if err != nil {
			return false, t.s.door.fault(err)
		}
		if !slices.Equal(versionsOf(heads), versions) {
			return false, nil
		}
	}
	return true, nil
}

func versionsOf(heads []store.Record) []written {
	out := make([]written, len(heads))
	for i, h := range heads {
		out[i] = writtenAs(h)
	}
	return out
}
