package records_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/records"
)

// Each of them fills the room: they wait for each other, those in a batch too,
// and all come through.
func TestLargeWritesWaitForEachOther(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{Validation: records.ValidateStructure})
		large := func(id string) string {
			return `{"resourceType":"Basic","id":"` + id + `","code":{"text":"x"},"extension":[` + strings.Repeat(`{"url":"x","valueBoolean":true},`, 150_000) + `{"url":"x","valueBoolean":true}]}`
		}
		entry := func(id string) string {
			return `{"resource":` + large(id) + `,"request":{"method":"PUT","url":"Basic/` + id + `"}}`
		}
		var wg sync.WaitGroup
		for _, kind := range []string{"batch", "transaction"} {
			wg.Go(func() {
				res, err := s.Bundle(t.Context(), body(`{"resourceType":"Bundle","type":"%s","entry":[%s,%s]}`, kind, entry(kind+"-1"), entry(kind+"-2")), records.BundleOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				for _, e := range res.Entries {
					if e.Err != nil {
						t.Error(e.Err)
					}
				}
			})
		}
		for i := range 2 {
			wg.Go(func() {
				id := fmt.Sprint("single-", i)
				if _, err := s.Update(t.Context(), key("Basic/"+id), body("%s", large(id)), records.UpdateOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Update(ctx, key("Basic/late"), body("%s", large("late")), records.UpdateOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that left: %v", err)
		}
	})
}
