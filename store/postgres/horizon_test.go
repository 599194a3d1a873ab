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

// anotherDatabase is a connection to a database of its own in the same cluster.
func anotherDatabase(t *testing.T) *pgx.Conn {
	t.Helper()
	name := pgtest.Schema()
	if _, err := connect(t, pgtest.URL(t)).Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return connect(t, u.String())
}

// prepare prepares a transaction that has an id, and returns what ends it.
func prepare(t *testing.T, conn *pgx.Conn, name string) (end func()) {
	t.Helper()
	under(t, conn)
	if _, err := conn.Exec(t.Context(), "PREPARE TRANSACTION '"+name+"'"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.Exec(t.Context(), "ROLLBACK PREPARED '"+name+"'"); err != nil {
			t.Error(err)
		}
	}
}

func TestAPreparedTransactionHoldsUpTheFeedOfItsDatabaseAlone(t *testing.T) {
	s := openPlace(t, pgtest.URL(t)+" "+pgtest.Schema())
	defer s.Close()
	defer prepare(t, anotherDatabase(t), "elsewhere")()
	if err := create(t.Context(), s, "a"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	mark, err := s.Mark(ctx)
	if err == nil {
		err = s.Settle(ctx, mark)
	}
	if err != nil {
		t.Fatalf("one of another database: %v", err)
	}
	end := prepare(t, connect(t, pgtest.URL(t)), "here")
	if err := create(t.Context(), s, "b"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // longer than it is looked away from what lasts
	if records, err := s.Changes(t.Context(), 0, 10, false); len(records) != 1 || err != nil {
		t.Errorf("%d changes above what may still be written, %v", len(records), err)
	}
	end()
	settle(t, s)
	if records, err := s.Changes(t.Context(), 0, 10, false); len(records) != 2 || err != nil {
		t.Errorf("%d changes, %v", len(records), err)
	}
}

func TestATransactionOfAnotherDatabaseDoesNotHoldUpTheFeed(t *testing.T) {
	s := openPlace(t, pgtest.URL(t)+" "+pgtest.Schema())
	defer s.Close()
	defer under(t, anotherDatabase(t))()
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
