package sqlite

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// What is found while policies change is the same for all who are told the same mark.
func TestAMarkIsOfWhatWasSeen(t *testing.T) {
	s := opened(t)
	subject := search.Param{Type: "Observation", Code: "subject", Kind: definitions.SearchReference}
	write := func(fn func(ctx context.Context, tx store.Tx) error) {
		t.Helper()
		if err := s.Write(t.Context(), fn); err != nil {
			t.Error(err)
		}
	}
	write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{
			{Key: fhir.Key{Type: "Patient", ID: "a"}, Method: "PUT", Body: s.Pack([]byte("{}"), nil)},
			{Key: fhir.Key{Type: "Observation", ID: "o"}, Method: "PUT", Body: s.Pack([]byte("{}"), []search.Entry{{Param: subject, RefType: "Patient", RefID: "a"}})},
		})
		return err
	})
	govern := func(spans ...store.PolicySpan) {
		t.Helper()
		write(func(ctx context.Context, tx store.Tx) error { return tx.Govern(ctx, "a", spans) })
	}
	govern(store.PolicySpan{Lo: 0, Until: 10, Policy: "x"})
	policies, err := s.Policies(t.Context(), 0)
	if err != nil || len(policies) != 1 {
		t.Fatal(policies, err)
	}
	q := &search.Query{Types: []string{"Observation"}, Count: 1, Filter: search.Not{X: search.Governed{
		Params: []search.Param{subject}, Sole: true, At: 5, Policies: []int64{policies[0].Number},
	}}}
	find := func() (shown int, mark store.PolicyMark) {
		t.Helper()
		page, err := s.Search(t.Context(), q)
		if err != nil || len(page.Marks) != 1 {
			t.Error(page.Marks, err)
			return 0, mark
		}
		return len(page.Records), page.Marks[0]
	}
	shown, mark := find()
	marks, err := s.PolicyMarks(t.Context(), []fhir.ID{"a"}, 5)
	if err != nil || shown != 0 || mark != marks["a"] {
		t.Errorf("%d shown under %v, want none under %v (%v)", shown, mark, marks["a"], err)
	}

	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	writing.Go(func() {
		defer close(done)
		for n := range 500 {
			until := int64(10)
			if n%2 == 0 {
				until = 5
			}
			govern(store.PolicySpan{Lo: 0, Until: until, Policy: "x"})
		}
	})
	var mu sync.Mutex
	seen := map[store.PolicyMark][]int{}
	for range 3 {
		reading.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				shown, mark := find()
				mu.Lock()
				if mark != (store.PolicyMark{}) && !slices.Contains(seen[mark], shown) {
					seen[mark] = append(seen[mark], shown)
				}
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	reading.Wait()
	for mark, shown := range seen {
		if len(shown) > 1 {
			t.Errorf("under %v is seen %v", mark, shown)
		}
	}
	if len(seen) < 2 {
		t.Errorf("marks that were told: %v", seen)
	}
}
