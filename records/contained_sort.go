package records

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// sortedPlace is where a page of a sorted search ended.
type sortedPlace struct {
	Whole string `json:"w,omitzero"` // the store's cursor among whole resources
	Ended bool   `json:"e,omitzero"` // there are no more of those
	Last  *inner `json:"l,omitzero"` // the last match inside of a resource
}

// inner is a match inside of a resource. A container stands where the first of
// its matches would.
type inner struct {
	Type   fhir.Type          `json:"t"`
	ID     fhir.ID            `json:"i"`
	Index  int                `json:"n,omitzero"` // of the contained resource among those of the types
	Values []search.SortValue `json:"v"`
}

func (i *inner) key() fhir.Key { return fhir.Key{Type: i.Type, ID: i.ID} }

// compare puts whole resources before others of the same values, and those inside
// in the order of their containers' keys.
func (w *containedWalk) compare(a, b inner) int {
	return cmp.Or(search.CompareSorted(w.q.Sort, a.Values, b.Values), a.key().Compare(b.key()), cmp.Compare(a.Index, b.Index))
}

// sorted adds a page in the order of _sort. It looks at all that contain some of
// the types, containersOfTotal at the most.
func (w *containedWalk) sorted(ctx context.Context, after string) error {
	var from sortedPlace
	if after != "" {
		if err := json.Unmarshal([]byte(after), &from); err != nil || from.Last != nil && len(from.Last.Values) != len(w.q.Sort) {
			return store.ErrBadCursor
		}
	}
	found, more, err := w.ranked(ctx, from.Last)
	if err != nil {
		return err
	}
	from.Ended = from.Ended || w.q.Contained != search.ContainedBoth
	var whole store.Page
	if !from.Ended {
		q := w.ordinary(from.Whole)
		q.Cursors = true
		if whole, err = w.r.Search(ctx, q); err != nil {
			return err
		}
	}
	m := merging{w: w, whole: whole, found: found}
	if err := m.run(ctx); err != nil {
		return err
	}
	to := from
	if m.inside > 0 {
		to.Last = &found[m.inside-1]
	}
	switch {
	case from.Ended:
	case m.outside == len(whole.Records):
		to.Whole, to.Ended = whole.Next, whole.Next == ""
	case m.outside > 0:
		to.Whole = whole.Cursors[m.outside-1]
	}
	if to.Ended && m.inside == len(found) && !more {
		return nil
	}
	next, err := json.Marshal(to)
	if err == nil {
		w.next("s", string(next))
	}
	return err
}

// ranked are the first matches inside of resources after a place, as many as a
// page takes; more says that there are others.
func (w *containedWalk) ranked(ctx context.Context, after *inner) (found []inner, more bool, err error) {
	q := w.containers("", containersAtOnce)
	for seen := 0; ; {
		page, err := w.r.Search(ctx, q)
		if err != nil {
			return nil, false, err
		}
		if seen += len(page.Records); seen > containersOfTotal {
			return nil, false, fault.New(fault.Invalid, fault.CodeTooCostly, "",
				"more than %d resources contain some of %s: they are too many to sort; search without _sort", containersOfTotal, strings.Join(w.q.Types, ", "))
		}
		for _, record := range page.Records {
			inside, err := w.placed(ctx, record)
			if err != nil {
				return nil, false, err
			}
			for _, one := range inside {
				if after == nil || w.compare(one, *after) > 0 {
					found = append(found, one)
				}
			}
		}
		if q.After = page.Next; q.After == "" || len(found) > 4*w.q.Count {
			slices.SortFunc(found, w.compare)
			more = more || len(found) > w.q.Count
			found = found[:min(len(found), w.q.Count)]
		}
		if q.After == "" {
			return found, more, nil
		}
	}
}

// placed are the matches that a container gives to a sorted result.
func (w *containedWalk) placed(ctx context.Context, record store.Record) ([]inner, error) {
	docs, err := w.matching(ctx, record)
	if err != nil || len(docs) == 0 {
		return nil, err
	}
	out := make([]inner, 0, len(docs))
	for i, doc := range docs {
		out = append(out, inner{record.Key.Type, record.Key.ID, i, doc.SortValues(w.q.Sort)})
	}
	if !w.q.ContainedAlone {
		first := slices.MinFunc(out, w.compare)
		first.Index = 0
		out = []inner{first}
	}
	return out, nil
}

// merging puts whole resources and those inside of others into one page.
type merging struct {
	w               *containedWalk
	whole           store.Page
	found           []inner
	outside, inside int   // how many of each are in the page, or gone
	size            int64 // of their bodies
	containers      map[fhir.Key]store.Record
}

func (m *merging) run(ctx context.Context) error {
	most := m.w.s.door.policy.MaxPage
	for len(m.w.result.Entries) < m.w.q.Count && m.size < most {
		wholeIsNext, err := m.wholeIsNext(ctx)
		switch {
		case err != nil:
			return err
		case wholeIsNext:
			record := m.whole.Records[m.outside]
			m.size += sizeOf(record.Body)
			m.outside++
			err = m.w.s.append(ctx, m.w.result, record, ModeMatch)
		case m.outside == len(m.whole.Records) && m.whole.Next != "", m.inside == len(m.found):
			return nil
		default:
			err = m.container(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *merging) wholeIsNext(ctx context.Context) (bool, error) {
	if m.outside == len(m.whole.Records) || m.inside == len(m.found) {
		return m.outside < len(m.whole.Records), nil
	}
	doc, err := m.w.s.door.document(ctx, m.whole.Records[m.outside])
	if err != nil {
		return false, err
	}
	keys := m.w.q.Sort
	return search.CompareSorted(keys, doc.SortValues(keys), m.found[m.inside].Values) <= 0, nil
}

// container adds the next match inside of a resource, unless that has changed
// meanwhile.
func (m *merging) container(ctx context.Context) error {
	one := m.found[m.inside]
	record, ok := m.containers[one.key()]
	if !ok {
		if err := m.read(ctx); err != nil {
			return err
		}
		record, ok = m.containers[one.key()]
	}
	m.inside++
	if !ok {
		return nil
	}
	docs, err := m.w.matching(ctx, record)
	if err != nil || one.Index >= len(docs) {
		return err
	}
	e, err := m.w.entry(ctx, record, &docs[one.Index])
	if err == nil {
		m.size += sizeOf(record.Body)
		m.w.result.Entries = append(m.w.result.Entries, e)
	}
	return err
}

// read reads the containers of the matches that come next.
func (m *merging) read(ctx context.Context) error {
	some := m.found[m.inside:min(len(m.found), m.inside+containersAtOnce)]
	keys := make([]fhir.Key, 0, len(some))
	for i := range some {
		if k := some[i].key(); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	records, err := m.w.s.current(ctx, m.w.r, keys)
	m.containers = make(map[fhir.Key]store.Record, len(records))
	for _, r := range records {
		m.containers[r.Key] = r
	}
	return err
}
