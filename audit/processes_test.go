package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store/postgres"
)

// Several processes append to one log; one of them numbers at a time, and one dies.
func TestSeveralProcessesShareOneLog(t *testing.T) {
	url, schema := pgtest.URL(t), pgtest.Schema()
	const processes, each = 3, 150
	var wg sync.WaitGroup
	for n := range processes {
		wg.Go(func() {
			ctx := context.WithoutCancel(t.Context())
			s, err := postgres.Open(ctx, url, schema)
			if err != nil {
				t.Error(err)
				return
			}
			l, err := Open(ctx, Config{Store: s, Secret: plain{'k'}, Origin: "https://ehr.example/fhir", SealEvery: 3 * time.Millisecond})
			if err != nil {
				t.Error(errors.Join(err, s.Close()))
				return
			}
			var writers sync.WaitGroup
			for w := range 5 {
				writers.Go(func() {
					for i := range each / 5 {
						e := seen(fmt.Sprintf("p%d %d", i%7, i))
						e.Request = fmt.Sprintf("%d.%d.%d", n, w, i)
						if err := l.Record(ctx, e); err != nil {
							t.Error(err)
						}
					}
				})
			}
			writers.Wait()
			if n == 0 { // it ends without numbering what is left
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if err := errors.Join(l.Close(), s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s, l := reopened(t, url, schema)
	found := map[string]int{}
	for from := int64(0); from >= 0; {
		page, err := l.Find(t.Context(), Query{From: from, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			found[e.Request]++
		}
		from = page.Next
	}
	if len(found) != processes*each {
		t.Errorf("%d of %d events are there", len(found), processes*each)
	}
	expect(t, "a log of several processes", problemsOf(t, s, Verification{}))
	if signers, err := Signers(t.Context(), s); err != nil || len(signers) != 1 {
		t.Errorf("%d signers, %v", len(signers), err)
	}
}

// reopened is a log that others have appended to, until the test ends.
func reopened(t *testing.T, url, schema string) (*postgres.Store, *Log) {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, schema)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), Config{Store: s, Secret: plain{'k'}})
	if err != nil {
		t.Fatal(errors.Join(err, s.Close()))
	}
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s, l
}
