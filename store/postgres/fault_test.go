package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/storetest"
)

// openPlace opens the store at "URL SCHEMA".
func openPlace(t testing.TB, place string) store.Store {
	t.Helper()
	url, schema, _ := strings.Cut(place, " ")
	s, err := postgres.Open(context.WithoutCancel(t.Context()), url, schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCrashChild(t *testing.T) { storetest.CrashChild(t, openPlace) }

func TestWhatWasAcknowledgedSurvivesAKillOfTheClient(t *testing.T) {
	storetest.Crash(t, 4, pgtest.URL(t)+" "+pgtest.Schema(), openPlace, func() {})
}

func TestWhatWasAcknowledgedSurvivesACrashOfTheServer(t *testing.T) {
	c := pgtest.Durable(t)
	storetest.Crash(t, 3, c.URL()+" "+pgtest.Schema(), openPlace, func() {
		if err := errors.Join(c.Crash(), c.Start()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAServerThatIsAwayIsToldApartAndFoundAgain(t *testing.T) {
	c := pgtest.Durable(t)
	s := openPlace(t, c.URL()+" "+pgtest.Schema())
	defer s.Close()
	put := func(id fhir.ID) error {
		return s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Put(ctx, []store.Write{{
				Key: fhir.Key{Type: "Patient", ID: id}, Method: "PUT", Release: definitions.R4, Body: s.Pack([]byte(`{}`), nil),
			}})
			return err
		})
	}
	if err := put("before"); err != nil {
		t.Fatal(err)
	}
	if err := c.Crash(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // on a broken connection, then without one
		if err := put("meanwhile"); !errors.Is(err, store.ErrAway) {
			t.Errorf("a write gives %v", err)
		}
		if _, err := s.Read(t.Context(), fhir.Key{Type: "Patient", ID: "before"}); !errors.Is(err, store.ErrAway) {
			t.Errorf("a read gives %v", err)
		}
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := put("after"); err != nil {
		t.Errorf("afterwards a write gives %v", err)
	}
	if _, err := s.Read(t.Context(), fhir.Key{Type: "Patient", ID: "before"}); err != nil {
		t.Errorf("afterwards a read gives %v", err)
	}
}

func TestASchemaOfAnotherProgramIsRefused(t *testing.T) {
	for change, want := range map[string]string{
		"INSERT INTO %s.goose_db_version (version_id, is_applied) VALUES (9999, true)": "schema version 9999",
		"DELETE FROM %s.counter WHERE name = 'format'":                                 "format 1",
	} {
		url, schema := pgtest.URL(t), pgtest.Schema()
		if err := openPlace(t, url+" "+schema).Close(); err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Exec(t.Context(), fmt.Sprintf(change, schema))
		if err := errors.Join(err, conn.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		if _, err = postgres.Open(t.Context(), url, schema); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open: %v", err)
		}
	}
}

func TestASchemaNameIsChecked(t *testing.T) {
	for _, name := range []string{"", "Upper", "a-b", `x"; DROP`, strings.Repeat("x", 64)} {
		if _, err := postgres.Open(t.Context(), pgtest.URL(t), name); err == nil {
			t.Errorf("schema %q was accepted", name)
		}
	}
}

// processes opens the same new schema several times at once, as processes
// that start together do.
func processes(t *testing.T, n int) []store.Store {
	t.Helper()
	place := pgtest.URL(t) + " " + pgtest.Schema()
	stores := make([]store.Store, n)
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() { stores[i] = openPlace(t, place) })
	}
	wg.Wait()
	t.Cleanup(func() {
		for _, s := range stores {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return stores
}

func observation(s store.Store, id string, code string) store.Write {
	p := search.Param{Type: "Observation", Code: "code", Kind: definitions.SearchToken}
	return store.Write{Key: fhir.Key{Type: "Observation", ID: fhir.ID(id)}, Method: "PUT", Release: definitions.R4,
		Body: s.Pack([]byte("{}"), []search.Entry{{Param: p, System: "system of " + code, Code: code}})}
}

func coded(code string) *search.Query {
	p := search.Param{Type: "Observation", Code: "code", Kind: definitions.SearchToken}
	return &search.Query{Types: []string{"Observation"}, Count: 10, Filter: search.Token{Param: p, System: "system of " + code, Code: code}}
}

func TestSeveralProcessesStartAtOnceAndShareTheirNames(t *testing.T) {
	stores := processes(t, 3)
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			for k := range 10 {
				err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
					_, err := tx.Put(ctx, []store.Write{observation(s, fmt.Sprintf("%d-%d", i, k), fmt.Sprint(k))})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i, s := range stores {
		for k := range 10 {
			if n, err := s.Count(t.Context(), coded(fmt.Sprint(k))); n != int64(len(stores)) || err != nil {
				t.Errorf("process %d sees %d observations of code %d, %v", i, n, k, err)
			}
		}
	}
}

func TestConditionalCreatesOverTwoProcessesMakeOneResource(t *testing.T) {
	stores := processes(t, 2)
	var made atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		s := stores[i%2]
		wg.Go(func() {
			created := false
			err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
				created = false
				if err := tx.Lock(ctx, "Observation?code=c"); err != nil {
					return err
				}
				page, err := tx.Search(ctx, coded("c"))
				if err != nil || len(page.Records) > 0 {
					return err
				}
				_, err = tx.Put(ctx, []store.Write{observation(s, fmt.Sprint(i), "c")})
				created = err == nil
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if created {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if n, err := stores[0].Count(t.Context(), coded("c")); n != 1 || made.Load() != 1 || err != nil {
		t.Errorf("%d resources, %d creates, %v", n, made.Load(), err)
	}
}

func TestTheFeedOfOneProcessMissesNothingOfAnother(t *testing.T) {
	stores := processes(t, 3)
	const each = 60
	var writers sync.WaitGroup
	for i, s := range stores[:2] {
		for g := range 3 {
			writers.Go(func() {
				for k := range each {
					err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
						_, err := tx.Put(ctx, []store.Write{observation(s, fmt.Sprintf("%d-%d-%d", i, g, k), "c")})
						if err == nil && k%5 == 0 { // holds the transaction open while others commit
							_, err = tx.Count(ctx, coded("c"))
						}
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	ended := make(chan struct{})
	go func() { writers.Wait(); close(ended) }()
	seen := map[fhir.Key]bool{}
	last := store.Seq(0)
	for {
		finished := false
		select {
		case <-ended:
			finished = true
		default:
		}
		records, err := stores[2].Changes(t.Context(), last, 20, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if r.Seq <= last || seen[r.Key] {
				t.Fatalf("%s at %d after %d", r.Key, r.Seq, last)
			}
			last, seen[r.Key] = r.Seq, true
		}
		if finished && len(records) == 0 {
			break
		}
	}
	if len(seen) != 2*3*each {
		t.Errorf("the feed had %d of %d changes", len(seen), 2*3*each)
	}
}

func TestSeqRisesInADatabaseRestoredIntoAYoungerCluster(t *testing.T) {
	url, schema := pgtest.URL(t), pgtest.Schema()
	place := url + " " + schema
	write := func(s store.Store, id string) store.Seq {
		var seq store.Seq
		err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			r, err := tx.Put(ctx, []store.Write{observation(s, id, "c")})
			if err == nil {
				seq = r[0].Seq
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	s := openPlace(t, place)
	write(s, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	// As if the former cluster had run a million transactions more.
	var old store.Seq
	if err := conn.QueryRow(t.Context(), "UPDATE "+schema+".version SET seq = seq + (1000000::bigint << 20) RETURNING seq").Scan(&old); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "UPDATE "+schema+".resource SET seq = $1", int64(old)); err != nil {
		t.Fatal(err)
	}
	s = openPlace(t, place)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if seq := write(s, "b"); seq <= old {
		t.Errorf("Seq %d after %d", seq, old)
	}
	changes, err := s.Changes(t.Context(), 0, 10, true)
	if err != nil || len(changes) != 2 || changes[0].Key.ID != "a" {
		t.Errorf("%v, %v", changes, err)
	}
}
