package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
)

func TestTheEpochIsAskedOnceForAllWhoWaitAndTellsWhatHoldsThen(t *testing.T) {
	s, err := Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before, err := s.Epoch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Whoever answers short queries waits for a lock until all have asked.
	held, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Exec(t.Context(), "SELECT pg_advisory_xact_lock($1)", s.lockKey("test")); err != nil {
		t.Fatal(err)
	}
	// The connections of short queries wait 200 ms for a lock by themselves.
	var busy, asking sync.WaitGroup
	for range askers() {
		busy.Go(func() {
			rows, err := short{s}.Query(t.Context(), "SELECT 1::bigint FROM set_config('lock_timeout', '60s', true), pg_advisory_xact_lock_shared($1)", s.lockKey("test"))
			if err != nil {
				t.Error(err)
				return
			}
			rows.Close()
		})
	}
	for waiting, late := 0, time.Now().Add(time.Minute); waiting < askers(); {
		if time.Now().After(late) {
			t.Fatalf("%d of %d wait for the lock", waiting, askers())
		}
		err := s.pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND (classid::bigint << 32) + objid::bigint = $1", s.lockKey("test")).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	const many = 50
	var got [many]int64
	var started sync.WaitGroup
	started.Add(many)
	for i := range many {
		asking.Go(func() {
			started.Done()
			n, err := s.Epoch(t.Context())
			if err != nil {
				t.Error(err)
			}
			got[i] = n
		})
	}
	started.Wait()
	if err := s.WriteItems(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if n := len(s.asking); n > 1 {
		t.Errorf("%d queries wait for those who ask", n)
	}
	if err := held.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	asking.Wait()
	busy.Wait()
	for _, n := range got {
		if n != before+1 {
			t.Fatalf("the epoch was raised from %d before the question was sent, and who waited learned %d", before, n)
		}
	}
}

func TestNobodyJoinsAQueryForTheEpochThatWasSent(t *testing.T) {
	var e epochs
	a, first := e.join()
	if b, second := e.join(); !first || second || b != a {
		t.Error("two who wait ask by themselves")
	}
	a.sent()
	c, first := e.join()
	if !first || c == a {
		t.Error("a query was joined that may have been answered")
	}
	a.sent() // tells nothing of the next one
	if b, again := e.join(); again || b != c {
		t.Error("the next query was not joined")
	}
}

func TestWhoHadTheEpochAskedMayGoWithoutTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Store{asking: make(chan *asked)} // nobody answers
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.Epoch(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("who went: %v", err)
			}
		})
		synctest.Wait()
		a, first := s.epochs.join()
		if first {
			t.Error("the query was not joined")
		}
		cancel()
		wg.Wait()
		<-a.done
		if !errors.Is(a.err, context.Canceled) {
			t.Errorf("the others ask anew for %v", a.err)
		}
		if _, first := s.epochs.join(); !first {
			t.Error("a query was joined that is not sent")
		}
	})
}
