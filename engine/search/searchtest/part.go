package searchtest

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// part is what a target holds without every third resource. To a veiled query, from
// which these are hidden, the whole target must answer as this does to the plain
// one.
type part struct {
	rest   *search.Memory
	hidden map[fhir.Key]bool
}

func newPart() part { return part{search.NewMemory(), map[fhir.Key]bool{}} }

func (p part) put(resource *fhir.Tree, entries []search.Entry, updated time.Time) {
	root := resource.Root()
	key := fhir.Key{Type: fhir.Type(root.Type().Name), ID: fhir.ID(root.Child("id").Text())}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key.String()))
	if h.Sum32()%3 == 0 {
		p.hidden[key] = true
		return
	}
	p.rest.Put(search.Document{Key: key, Updated: updated, Entries: entries})
}

func (p part) delete(key fhir.Key) {
	if !p.hidden[key] {
		p.rest.Delete(key)
	}
}

// sight holds of what is not hidden.
func (p part) sight([]string) search.Expr {
	var hidden search.Or
	for key := range p.hidden {
		hidden = append(hidden, search.And{search.TypeIs{string(key.Type)}, search.IDs{string(key.ID)}})
	}
	return search.Not{X: hidden}
}

// check compares the answers in full. Queries of a page's cursor are not compared.
func (p part) check(ctx context.Context, whole Target, q *search.Query) error {
	if q.After != "" {
		return nil
	}
	plain := *q
	plain.Total = search.TotalAccurate
	veiled := plain
	veiled.Filter = p.sight(nil)
	if q.Filter != nil {
		veiled.Filter = search.And{search.Veil(q.Filter, p.sight), veiled.Filter}
	}
	want, wantTotal, err := Walk(ctx, memory{p.rest}, &plain)
	if err != nil {
		return err
	}
	got, gotTotal, err := Walk(ctx, whole, &veiled)
	if err != nil {
		return fmt.Errorf("with some resources hidden: %w", err)
	}
	if !slices.Equal(slices.Concat(got...), slices.Concat(want...)) || gotTotal != wantTotal {
		return fmt.Errorf("with some resources hidden found %v of %d; without them there are %v of %d", got, gotTotal, want, wantTotal)
	}
	return nil
}
