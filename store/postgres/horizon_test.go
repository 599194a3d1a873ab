package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
)

// under begins a transaction that has an id, and returns what ends it.
func under(t *testing.T, conn *pgx.Conn) (end func()) {
	t.Helper()
	for _, text := range []string{"BEGIN", "SELECT pg_current_xact_id()"} {
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if _, err := conn.Exec(t.Context(), "COMMIT"); err != nil {
			t.Error(err)
		}
	}
}

// settle waits until the feed has all that was written.
func settle(t *testing.T, s store.Store) {
	t.Helper()
	mark, err := s.Mark(t.Context())
	if err == nil {
		err = s.Settle(t.Context(), mark)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestATransactionOfAnotherDatabaseDoesNotHoldUpTheFeed(t *testing.T) {
	s := openPlace(t, pgtest.URL(t)+" "+pgtest.Schema())
	defer s.Close()
	name := pgtest.Schema()
	if _, err := connect(t, pgtest.URL(t)).Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	defer under(t, connect(t, u.String()))()
	if err := create(t.Context(), s, "a"); err != nil {
		t.Fatal(err)
	}
	settle(t, s)
	if records, err := s.Changes(t.Context(), 0, 10, false); len(records) != 1 || err != nil {
		t.Errorf("%d changes, %v", len(records), err)
	}
}

func TestTheFeedIsSettledWhenWhatWasUnderWayHasEnded(t *testing.T) {
	s := openPlace(t, pgtest.URL(t)+" "+pgtest.Schema())
	defer s.Close()
	end := under(t, connect(t, pgtest.URL(t)))
	if err := create(t.Context(), s, "a"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // longer than it is looked away from what lasts
	if records, err := s.Changes(t.Context(), 0, 10, false); len(records) != 0 || err != nil {
		t.Errorf("%d changes above what may still be written, %v", len(records), err)
	}
	mark, err := s.Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Settle(t.Context(), mark) }()
	select {
	case err := <-done:
		t.Fatalf("settled while a transaction is under way: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	end()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if records, err := s.Changes(t.Context(), 0, 10, false); len(records) != 1 || err != nil || records[0].Seq > mark {
		t.Errorf("%v, %v, marked %d", records, err, mark)
	}
}

func TestWhatSettlesIsGivenUpWithItsContext(t *testing.T) {
	s := openPlace(t, pgtest.URL(t)+" "+pgtest.Schema())
	defer s.Close()
	defer under(t, connect(t, pgtest.URL(t)))()
	if err := create(t.Context(), s, "a"); err != nil {
		t.Fatal(err)
	}
	mark, err := s.Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Settle(ctx, mark); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
