package monitor

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
	"github.com/inglehealth/ingle/watch/metric"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// ailing is a store of which some things fail when they are to.
type ailing struct {
	store.Store
	full, unsealed, away, forged atomic.Bool
	ahead, held                  atomic.Int64 // seconds
}

func (a *ailing) AppendAudit(ctx context.Context, group []byte) error {
	if a.full.Load() {
		return store.ErrFull
	}
	return a.Store.AppendAudit(ctx, group)
}

func (a *ailing) SpendAuditReserve(ctx context.Context) (int64, error) {
	if a.full.Load() {
		return 0, store.ErrFull
	}
	return a.Store.SpendAuditReserve(ctx)
}

func (a *ailing) RestoreAuditReserve(ctx context.Context) error {
	if a.full.Load() {
		return store.ErrFull
	}
	return a.Store.RestoreAuditReserve(ctx)
}

func (a *ailing) SealAudit(ctx context.Context, limit int, fn func(store.AuditHead, [][]byte) (*store.AuditSeal, error)) (int, error) {
	if a.unsealed.Load() {
		return 0, errors.New("the disk is slow")
	}
	return a.Store.SealAudit(ctx, limit, fn)
}

func (a *ailing) Vitals(ctx context.Context) (store.Vitals, error) {
	v, err := a.Store.Vitals(ctx)
	v.Now = v.Now.Add(time.Duration(a.ahead.Load()) * time.Second)
	v.FeedHeld = time.Duration(a.held.Load()) * time.Second
	return v, err
}

// sink is a copy of the audit log that can be away.
type sink struct{ away atomic.Bool }

func (s *sink) Last() (int64, error) { return -1, nil }
func (s *sink) Name() string         { return "copy" }
func (s *sink) Close() error         { return nil }
func (s *sink) Write([][]byte) error {
	if s.away.Load() {
		return errors.New("away")
	}
	return nil
}

// place is a server that is watched, with what can be wrong about it.
type place struct {
	t        *testing.T
	store    *ailing
	door     *records.Door
	copy     *sink
	watchman *Watchman
	counts   *metric.Registry
	requests *Requests
	log      lockedBuffer

	now         time.Time
	disk        uint64
	certificate time.Time
	key         time.Time
	feeds       []Feed
	notices     []Notice
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newPlace is on SQLite or, for tests whose name says so, on PostgreSQL.
func newPlace(t *testing.T) *place {
	t.Helper()
	var s store.Store
	var err error
	if strings.HasSuffix(t.Name(), "PostgreSQL") {
		s, err = postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	} else {
		s, err = sqlite.Open(t.Context(), t.TempDir())
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, store: &ailing{Store: s}, copy: &sink{}, counts: metric.New(), now: time.Now(), disk: 1 << 40}
	p.certificate, p.key = p.now.AddDate(1, 0, 0), p.now
	log, err := audit.Open(t.Context(), audit.Config{Store: p.store, Secret: placetest.Plain{}, Origin: "http://ehr.example", Sinks: []audit.Sink{p.copy}})
	if err != nil {
		t.Fatal(err)
	}
	p.door, err = records.Open(t.Context(), records.Config{
		Store: p.store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "http://ehr.example/fhir", Audit: log, Clock: func() time.Time { return p.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.store.full.Store(false)
		p.store.unsealed.Store(false)
		if err := p.door.Close(); err != nil {
			t.Error(err)
		}
	})
	p.requests = NewRequests(p.counts)
	p.watchman = p.another("one")
	p.evaluate()
	return p
}

// another is a process beside the first one.
func (p *place) another(name string) *Watchman {
	return NewWatchman(Alerting{
		Config:   Config{Counts: p.counts, Tenants: records.NewTenants(p.door), Database: "sqlite", Disk: func() (uint64, error) { return p.disk, nil }},
		Requests: p.requests, Log: slog.New(slog.NewTextHandler(&p.log, nil)), Process: name,
		Certificate: func() (time.Time, bool) { return p.certificate, true },
		SigningKey:  func(context.Context, string) (time.Time, error) { return p.key, nil },
		Feeds:       func(context.Context, *records.Door) ([]Feed, error) { return p.feeds, nil },
		Tell: func(_ context.Context, n Notice) error {
			p.notices = append(p.notices, n)
			return nil
		},
	})
}

func (p *place) evaluate() { p.watchman.Evaluate(p.t.Context(), p.now) }

// after lets time pass and evaluates.
func (p *place) after(d time.Duration) {
	p.now = p.now.Add(d)
	p.evaluate()
}

func (p *place) answer(n, status int, took time.Duration) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), "GET", "/fhir/Patient", http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	for range n {
		p.requests.Begun()
		p.requests.Answered(r, web.Answer{Route: "search-type", Status: status, Took: took})
	}
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// firing are the alerts of a rule that fire.
func (p *place) firing(rule string) (some []alerts.Alert) {
	p.t.Helper()
	list, err := p.door.Alerts().List(p.t.Context())
	p.must(err)
	for _, a := range list {
		if a.Rule == rule && a.State == alerts.Firing {
			some = append(some, a)
		}
	}
	return some
}

// event records an event of the audit log, which may fail.
func (p *place) event() { _ = p.door.Audit().Record(p.t.Context(), &audit.Event{Kind: audit.Read}) }

// until waits for what the audit log does by its own clock.
func (p *place) until(what string, done func() bool) {
	p.t.Helper()
	for range 6000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatalf("it never came: %s", what)
}

func (p *place) state() audit.State {
	s, err := p.door.Audit().State(p.t.Context())
	p.must(err)
	return s
}
