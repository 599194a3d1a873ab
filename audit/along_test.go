package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
)

// changing writes a resource with the event of that; with an error nothing is changed.
func changing(l *Log, s store.Store, id string, failed error) error {
	e := seen("maria " + id)
	e.Request = id
	group := l.Encode(e)
	err := s.Write(context.Background(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{{Key: fhir.Key{Type: "Observation", ID: fhir.ID(id)}, Method: "PUT", Release: definitions.R4, Body: s.Pack([]byte("{}"), nil)}})
		if err == nil {
			err = tx.AppendAudit(ctx, group)
		}
		return errors.Join(err, failed)
	})
	if err == nil {
		l.Appended(1)
	}
	return err
}

// Processes change things while each numbers what all have appended.
func TestEventsThatGoAlongAreNumberedOnceAndOnlyIfTheyWereCommitted(t *testing.T) {
	url, schema := pgtest.URL(t), pgtest.Schema()
	failed := errors.New("failed")
	const processes, writers, each = 2, 4, 30
	var mu sync.Mutex
	var want []string
	var wg sync.WaitGroup
	for p := range processes {
		s, err := postgres.Open(t.Context(), url, schema)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open(t.Context(), Config{Store: s, Secret: plain{'k'}, Origin: "https://ehr.example/fhir", SealEvery: 3 * time.Millisecond})
		if err != nil {
			t.Fatal(errors.Join(err, s.Close()))
		}
		t.Cleanup(func() {
			if err := errors.Join(l.Close(), s.Close()); err != nil {
				t.Error(err)
			}
		})
		for w := range writers {
			wg.Go(func() {
				for n := range each {
					id := fmt.Sprintf("%d-%d-%d", p, w, n)
					var fail error
					if n%3 == 0 {
						fail = failed
					}
					if err := changing(l, s, id, fail); !errors.Is(err, fail) {
						t.Error(err)
					}
					if fail == nil {
						mu.Lock()
						want = append(want, id)
						mu.Unlock()
					}
				}
			})
		}
	}
	wg.Wait()
	s, l := reopened(t, url, schema)
	got, _ := told(t, l)
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%d events of %d changes: %q", len(got), len(want), got)
	}
	expect(t, "a log with which changes went along", problemsOf(t, s, Verification{}))
}

func TestWhatWentAlongIsCountedUntilItHasItsNumber(t *testing.T) {
	s, err := postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), Config{Store: s, Secret: plain{'k'}, SealEvery: time.Hour})
	if err != nil {
		t.Fatal(errors.Join(err, s.Close()))
	}
	defer func() {
		if err := errors.Join(l.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}()
	for i := range 3 {
		if err := changing(l, s, fmt.Sprint(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	if state, err := l.State(t.Context()); err != nil || state.Waiting != 3 || state.Events != 0 {
		t.Errorf("%+v, %v", state, err)
	}
	if err := l.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if state, err := l.State(t.Context()); err != nil || state.Waiting != 0 || state.Events != 3 {
		t.Errorf("%+v, %v", state, err)
	}
}
