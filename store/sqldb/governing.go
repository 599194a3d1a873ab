package sqldb

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// Governing is what table governed has, in memory, for a database of one process. It
// does not change but for the owners that it learns; it is safe for concurrent use.
type Governing struct {
	generation int64
	pages      map[int64][]Span // in the order of patients, then of time
	spans      int
	owners     *belonging
}

// Span is a row of governed.
type Span struct{ Patient, Lo, Until, Policy int64 }

// maxSpans bounds what is held in memory.
const maxSpans = 1 << 20

// GoverningName is the counter that rises with whatever Governing depends on.
const GoverningName = "governed"

// patientsPerPage are copied when one of them gets another policy.
const patientsPerPage = 256

func pageOf(patient int64) int64 { return patient / patientsPerPage }

// ReadGoverning reads what there is, until it is Large. Both of its queries are to see
// the same state of db.
func ReadGoverning(ctx context.Context, db DB) (*Governing, error) {
	g := &Governing{pages: map[int64][]Span{}, owners: newBelonging()}
	err := ForEach(ctx, db, "SELECT value FROM counter WHERE name = '"+GoverningName+"'", nil, func(r Rows) error { return r.Scan(&g.generation) })
	if err != nil {
		return nil, err
	}
	err = ForEach(ctx, db, "SELECT patient, lo, until, policy FROM governed ORDER BY patient, lo LIMIT ?", []any{maxSpans + 1}, func(r Rows) error {
		var s Span
		err := r.Scan(&s.Patient, &s.Lo, &s.Until, &s.Policy)
		g.pages[pageOf(s.Patient)] = append(g.pages[pageOf(s.Patient)], s)
		g.spans++
		return err
	})
	return g, err
}

// Large says that it is too much to be held in memory.
func (g *Governing) Large() bool { return g.spans > maxSpans }

// Generation is the state of the counter that it is of.
func (g *Governing) Generation() int64 { return g.generation }

// With is what there is at a later generation, when some patients have other spans.
// reowned says that what was learned of owners may be wrong.
func (g *Governing) With(generation int64, patients []int64, spans []Span, reowned bool) *Governing {
	next := &Governing{generation, maps.Clone(g.pages), g.spans, g.owners}
	if reowned {
		next.owners = newBelonging()
	}
	gone := map[int64]map[int64]bool{}
	for _, p := range patients {
		if gone[pageOf(p)] == nil {
			gone[pageOf(p)] = map[int64]bool{}
		}
		gone[pageOf(p)][p] = true
	}
	for n, of := range gone {
		var page []Span
		for _, s := range g.pages[n] {
			if !of[s.Patient] {
				page = append(page, s)
			}
		}
		next.pages[n] = page
		next.spans -= len(g.pages[n]) - len(page)
	}
	for _, s := range spans {
		next.pages[pageOf(s.Patient)] = append(next.pages[pageOf(s.Patient)], s)
	}
	for n := range gone {
		slices.SortFunc(next.pages[n], func(a, b Span) int {
			return cmp.Or(cmp.Compare(a.Patient, b.Patient), cmp.Compare(a.Lo, b.Lo))
		})
		if len(next.pages[n]) == 0 {
			delete(next.pages, n)
		}
	}
	next.spans += len(spans)
	return next
}

// policy is the one that a patient has at a time, 0 for none.
func (g *Governing) policy(patient, at int64) int64 {
	page := g.pages[pageOf(patient)]
	i, end := 0, len(page)
	for i < end {
		if middle := (i + end) / 2; page[middle].Patient < patient {
			i = middle + 1
		} else {
			end = middle
		}
	}
	for ; i < len(page) && page[i].Patient == patient; i++ {
		if s := &page[i]; s.Lo <= at && s.Until > at {
			return s.Policy
		}
	}
	return 0
}
