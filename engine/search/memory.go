package search

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Memory is a searcher over documents in memory: what package searchtest
// compares databases with. It is safe for concurrent use.
type Memory struct {
	mu        sync.RWMutex
	documents map[fhir.Key]*Document
	deleted   map[fhir.Key]*Document // as they were before
	created   map[fhir.Key]int       // order of first creation; kept after Delete
	referrers map[fhir.Key]map[fhir.Key]bool
	policies  map[fhir.ID][]PolicySpan
}

// PolicySpan is a policy that a Patient has from a time until before another, in
// microseconds since the Unix epoch.
type PolicySpan struct {
	Policy    int64
	Lo, Until int64
}

// Found is one page of a search in memory.
type Found struct {
	Keys  []fhir.Key
	Next  string // for Query.After, "" on the last page
	Total int64  // -1 when not asked for
}

// ErrCursor is the error of Memory.Search for a Query.After that no page of
// the query ended with.
var ErrCursor = errors.New("search: the cursor does not belong to this query")

// NewMemory makes an empty Memory.
func NewMemory() *Memory {
	return &Memory{
		documents: map[fhir.Key]*Document{},
		deleted:   map[fhir.Key]*Document{},
		created:   map[fhir.Key]int{},
		referrers: map[fhir.Key]map[fhir.Key]bool{},
		policies:  map[fhir.ID][]PolicySpan{},
	}
}

// Govern replaces the policies of a Patient.
func (m *Memory) Govern(patient fhir.ID, spans ...PolicySpan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.policies[patient] = spans
}

// Put adds a resource or replaces it. d.Entries must not be changed after.
func (m *Memory) Put(d Document) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(d.Key)
	if _, ok := m.created[d.Key]; !ok {
		m.created[d.Key] = len(m.created)
	}
	m.documents[d.Key] = &d
	delete(m.deleted, d.Key)
	for i := range d.Entries {
		if target, ok := d.Entries[i].target(); ok {
			if m.referrers[target] == nil {
				m.referrers[target] = map[fhir.Key]bool{}
			}
			m.referrers[target][d.Key] = true
		}
	}
}

// Delete removes a resource, if it is there.
func (m *Memory) Delete(key fhir.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.documents[key]; old != nil {
		before := *old
		before.Former = true
		m.deleted[key] = &before
	}
	m.remove(key)
}

func (m *Memory) remove(key fhir.Key) {
	old := m.documents[key]
	if old == nil {
		return
	}
	delete(m.documents, key)
	for i := range old.Entries {
		if target, ok := old.Entries[i].target(); ok {
			delete(m.referrers[target], key)
		}
	}
}

// target is the resource that a reference entry points to.
func (e *Entry) target() (fhir.Key, bool) {
	return fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}, e.RefID != ""
}

// Search answers one page of q as a store does: includes and rendering are
// left to the caller.
func (m *Memory) Search(ctx context.Context, q *Query) (Found, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	type hit struct {
		key    fhir.Key
		values []SortValue
	}
	var hits []hit
	for key, d := range m.documents {
		if len(q.Types) > 0 && !slices.Contains(q.Types, string(key.Type)) {
			continue
		}
		ok, err := Match(ctx, q.Filter, d, (*locked)(m))
		if err != nil {
			return Found{}, err
		}
		if !ok {
			continue
		}
		hits = append(hits, hit{key, d.SortValues(q.Sort)})
	}
	slices.SortFunc(hits, func(a, b hit) int {
		if c := CompareSorted(q.Sort, a.values, b.values); c != 0 {
			return c
		}
		return m.created[a.key] - m.created[b.key]
	})
	found := Found{Total: -1}
	if q.Total != TotalNone {
		found.Total = int64(len(hits))
	}
	if q.After != "" {
		at := slices.IndexFunc(hits, func(h hit) bool { return h.key.String() == q.After })
		if at < 0 {
			return Found{}, ErrCursor
		}
		hits = hits[at+1:]
	}
	for i, h := range hits {
		if i == q.Count {
			if i > 0 {
				found.Next = hits[i-1].key.String()
			}
			break
		}
		found.Keys = append(found.Keys, h.key)
	}
	return found, nil
}

// locked is the Source of a Memory that is locked already.
type locked Memory

func (l *locked) Get(_ context.Context, key fhir.Key) (*Document, error) {
	return l.documents[key], nil
}

func (l *locked) Before(_ context.Context, key fhir.Key) (*Document, error) {
	return l.deleted[key], nil
}

func (l *locked) Policies(_ context.Context, patient fhir.ID, at int64) ([]int64, error) {
	var in []int64
	for _, s := range l.policies[patient] {
		if s.Lo <= at && at < s.Until {
			in = append(in, s.Policy)
		}
	}
	return in, nil
}

func (l *locked) Referrers(_ context.Context, source string, param Param, key fhir.Key) iter.Seq2[*Document, error] {
	var list []*Document
	for from := range l.referrers[key] {
		d := l.documents[from]
		if source == "" {
			list = append(list, d)
			continue
		}
		if string(from.Type) != source {
			continue
		}
		for e := range d.named(param) {
			if target, ok := e.target(); ok && target == key {
				list = append(list, d)
				break
			}
		}
	}
	slices.SortFunc(list, func(a, b *Document) int { return a.Key.Compare(b.Key) })
	return func(yield func(*Document, error) bool) {
		for _, d := range list {
			if !yield(d, nil) {
				return
			}
		}
	}
}
