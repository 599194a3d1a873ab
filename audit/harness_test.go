package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// plain is a Sealer that only marks secrets.
type plain struct{ mark byte }

func (p plain) Seal(purpose string, secret []byte) ([]byte, error) {
	return append([]byte{p.mark, byte(len(purpose))}, secret...), nil
}

func (p plain) Open(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < 2 || sealed[0] != p.mark || sealed[1] != byte(len(purpose)) {
		return nil, errors.New("sealed with another key")
	}
	return sealed[2:], nil
}

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// clock goes on by a second each time it is looked at.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

type bench struct {
	*Log
	t     *testing.T
	dir   string
	store *sqlite.Store
	clock *clock
	out   *bytes.Buffer
	shut  func()
}

func newBench(t *testing.T) *bench { return benchAt(t, t.TempDir()) }

func benchAt(t *testing.T, dir string, change ...func(*Config)) *bench {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, dir: dir, store: s, clock: &clock{now: start}, out: &bytes.Buffer{}}
	c := Config{
		Store: s, Secret: plain{'k'}, Origin: "https://ehr.example/fhir", Clock: b.clock.Now, SealEvery: time.Hour,
		Log: slog.New(slog.NewTextHandler(b.out, nil)),
	}
	for _, f := range change {
		f(&c)
	}
	if b.Log, err = Open(t.Context(), c); err != nil {
		t.Fatal(errors.Join(err, s.Close()))
	}
	var once sync.Once
	b.shut = func() {
		once.Do(func() {
			if err := errors.Join(b.Close(), s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(b.shut)
	return b
}

func (b *bench) record(events ...*Event) {
	b.t.Helper()
	for _, e := range events {
		if err := b.Record(b.t.Context(), e); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) seal() {
	b.t.Helper()
	if err := b.Seal(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// seen is an event of a search by okafor that returned resources of patients:
// "maria 1 2", "walter 3".
func seen(patients ...string) *Event {
	e := &Event{
		Kind: Search, Status: 200, Target: "Observation", Query: "code=1234-5", Request: "r-1", Why: []string{"user/*.rs"},
		Agent: Agent{User: "u1", Login: "okafor", Is: "Practitioner/okafor", Roles: []string{"practitioner"}, Purpose: "TREAT", Client: "chart", Token: "t1", Address: "192.0.2.7"},
	}
	for _, p := range patients {
		words := strings.Fields(p)
		one := Patient{Key: "Patient/" + words[0]}
		for _, id := range words[1:] {
			one.Entities = append(one.Entities, Entity{Reads, "Observation/" + id, 1})
			e.Count++
		}
		e.Patients = append(e.Patients, one)
	}
	return e
}

// problems verifies the log and returns what is wrong.
func (b *bench) problems(v Verification) []string {
	b.t.Helper()
	return problemsOf(b.t, b.store, v)
}

func problemsOf(t *testing.T, s store.Audit, v Verification) []string {
	t.Helper()
	var all []string
	v.Found = func(p string) { all = append(all, p) }
	r, err := Verify(context.WithoutCancel(t.Context()), s, v)
	if err != nil {
		t.Fatal(err)
	}
	if int(r.Problems) != len(all) {
		t.Errorf("%d problems are reported, %d counted", len(all), r.Problems)
	}
	return all
}

func (b *bench) file() string { return filepath.Join(b.dir, "audit.db") }

func expect(t *testing.T, what string, problems []string, want ...string) {
	t.Helper()
	if len(want) == 0 && len(problems) > 0 {
		t.Errorf("%s: %q", what, problems)
	}
	for _, w := range want {
		if !strings.Contains(fmt.Sprint(problems), w) {
			t.Errorf("%s: %q does not say %q", what, problems, w)
		}
	}
}
