package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func create(ctx context.Context, s store.Store, id string) error {
	return s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{observation(s, id, "c")})
		return err
	})
}

func TestNothingAcknowledgedIsLostWhileConnectionsBreak(t *testing.T) {
	place := pgtest.URL(t) + " " + pgtest.Schema()
	s := openPlace(t, place)
	defer s.Close()
	admin := connect(t, pgtest.URL(t))
	var acknowledged sync.Map
	var written, failed atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("%d-%d", g, i)
				switch err := create(t.Context(), s, id); {
				case err == nil:
					acknowledged.Store(id, true)
					written.Add(1)
				case errors.Is(err, store.ErrAway):
					failed.Add(1)
				default:
					t.Errorf("write: %v", err)
				}
				if _, err := s.Read(t.Context(), fhir.Key{Type: "Observation", ID: "none"}); !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrAway) {
					t.Errorf("read: %v", err)
				}
			}
		})
	}
	for began := time.Now(); time.Since(began) < 2*time.Second || written.Load() == 0 && time.Since(began) < time.Minute; {
		time.Sleep(100*time.Millisecond + time.Since(began)/20) // on a busy machine connections live longer
		if _, err := admin.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ingle'"); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	wg.Wait()
	n := 0
	acknowledged.Range(func(id, _ any) bool {
		n++
		r, err := s.Read(t.Context(), fhir.Key{Type: "Observation", ID: fhir.ID(id.(string))})
		if err != nil || r.Version != 1 {
			t.Errorf("%s: version %d, %v", id, r.Version, err)
		}
		return true
	})
	if n == 0 {
		t.Error("nothing was written")
	}
	t.Logf("%d acknowledged, %d told that nobody knows", n, failed.Load())
}

func TestARoleWithoutRightsButOnItsSchemaIsEnough(t *testing.T) {
	schema := pgtest.Schema()
	admin := connect(t, pgtest.URL(t))
	for _, text := range []string{"CREATE ROLE " + schema + " LOGIN", "CREATE SCHEMA " + schema + " AUTHORIZATION " + schema} {
		if _, err := admin.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(schema)
	s, err := postgres.Open(context.WithoutCancel(t.Context()), u.String(), schema)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := create(t.Context(), s, "a"); err != nil {
		t.Error(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestACallerThatGivesUpDoesNotHoldUpTheOthers(t *testing.T) {
	place := pgtest.URL(t) + " " + pgtest.Schema()
	s := openPlace(t, place)
	defer s.Close()
	if err := create(t.Context(), s, "held"); err != nil {
		t.Fatal(err)
	}
	_, schema, _ := strings.Cut(place, " ")
	other, err := connect(t, pgtest.URL(t)).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(t.Context(), "SELECT 1 FROM "+schema+".resource FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err = s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		w := observation(s, "held", "c")
		w.Expect = store.Any
		_, err := tx.Put(ctx, []store.Write{w})
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a write of a resource that another transaction holds: %v", err)
	}
	if err := create(t.Context(), s, "free"); err != nil {
		t.Error(err)
	}
	if err := other.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	if r, err := s.Read(t.Context(), fhir.Key{Type: "Observation", ID: "held"}); err != nil || r.Version != 1 {
		t.Errorf("version %d, %v", r.Version, err)
	}
}
