package alerts_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// clock is a time that tests set.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)} }

func (c *clock) time() time.Time { return c.now }

// each runs a test on both databases.
func each(t *testing.T, f func(t *testing.T, s store.Store)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T) (store.Store, error){
		"SQLite": func(t *testing.T) (store.Store, error) { return sqlite.Open(t.Context(), t.TempDir()) },
		"PostgreSQL": func(t *testing.T) (store.Store, error) {
			return postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			f(t, s)
		})
	}
}

func evaluate(t *testing.T, e *alerts.Evaluator, c *clock, rule string, readings ...alerts.Reading) []alerts.Alert {
	t.Helper()
	changed, err := e.Evaluate(t.Context(), c.now, alerts.Readings{rule: readings})
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func list(t *testing.T, b *alerts.Book) []alerts.Alert {
	t.Helper()
	all, err := b.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryRuleFiresAndIsResolved(t *testing.T) {
	each(t, func(t *testing.T, s store.Store) {
		c := newClock()
		b := alerts.NewBook(s, c.time)
		e := b.Evaluator(true)
		for _, r := range alerts.Rules() {
			good, bad := alerts.Reading{Subject: "x", Value: r.Limit}, alerts.Reading{Subject: "x", Value: r.Limit + 1}
			if r.Below {
				bad.Value = r.Limit - 1
			}
			if changed := evaluate(t, e, c, r.Name, good); len(changed) != 0 {
				t.Errorf("%s fires at its limit: %+v", r.Name, changed)
			}
			changed := evaluate(t, e, c, r.Name, bad)
			if r.For > 0 {
				if len(changed) != 0 {
					t.Errorf("%s does not wait", r.Name)
				}
				c.now = c.now.Add(r.For - time.Second)
				if changed := evaluate(t, e, c, r.Name, bad); len(changed) != 0 {
					t.Errorf("%s fires too early", r.Name)
				}
				c.now = c.now.Add(time.Second)
				changed = evaluate(t, e, c, r.Name, bad)
			}
			if len(changed) != 1 || changed[0].State != alerts.Firing || changed[0].Value != bad.Value || changed[0].Limit != r.Limit || !changed[0].Since.Equal(c.now) {
				t.Errorf("%s: %+v", r.Name, changed)
			}
			// Another process goes on, and what could not be read changes nothing.
			e = b.Evaluator(true)
			if changed, err := e.Evaluate(t.Context(), c.now, alerts.Readings{}); err != nil || len(changed) != 0 {
				t.Errorf("%s: %+v %v", r.Name, changed, err)
			}
			if changed := evaluate(t, e, c, r.Name, bad); len(changed) != 0 {
				t.Errorf("%s fires twice: %+v", r.Name, changed)
			}
			if all := list(t, b); all[0].Rule != r.Name || all[0].State != alerts.Firing {
				t.Errorf("%s is not kept: %+v", r.Name, all)
			}
			c.now = c.now.Add(time.Minute)
			changed = evaluate(t, e, c, r.Name, good)
			if len(changed) != 1 || changed[0].State != alerts.Resolved || !changed[0].Resolved.Equal(c.now) {
				t.Errorf("%s: %+v", r.Name, changed)
			}
			if all := list(t, b); all[0].Rule != r.Name || all[0].State != alerts.Resolved {
				t.Errorf("%s: %+v", r.Name, all)
			}
			if r.Title == "" || r.Means == "" || r.Advice == "" {
				t.Errorf("%s lacks words", r.Name)
			}
		}
	})
}

func TestABreakBeginsTheTimeAnew(t *testing.T) {
	each(t, func(t *testing.T, s store.Store) {
		c := newClock()
		e := alerts.NewBook(s, c.time).Evaluator(true)
		for range 10 {
			for _, value := range []float64{50, 1} {
				if changed := evaluate(t, e, c, alerts.Errors, alerts.Reading{Value: value}); len(changed) != 0 {
					t.Fatalf("%+v", changed)
				}
				c.now = c.now.Add(40 * time.Second)
			}
		}
	})
}

func TestRulesOfTheServerAreTheDefaultTenants(t *testing.T) {
	each(t, func(t *testing.T, s store.Store) {
		c := newClock()
		b := alerts.NewBook(s, c.time)
		if changed := evaluate(t, b.Evaluator(false), c, alerts.Disk, alerts.Reading{}); len(changed) != 0 {
			t.Errorf("%+v", changed)
		}
		if changed := evaluate(t, b.Evaluator(true), c, alerts.Disk, alerts.Reading{}); len(changed) != 1 {
			t.Errorf("%+v", changed)
		}
	})
}

func TestLimitsAreSetAndReset(t *testing.T) {
	each(t, func(t *testing.T, s store.Store) {
		c := newClock()
		b := alerts.NewBook(s, c.time)
		e := b.Evaluator(true)
		if changed := evaluate(t, e, c, alerts.AuditLag, alerts.Reading{Value: 40}); len(changed) != 1 {
			t.Fatalf("%+v", changed)
		}
		for _, bad := range []struct {
			name  string
			value float64
		}{{"none", 1}, {alerts.Errors, 101}, {alerts.Errors, -1}} {
			if err := b.SetLimit(t.Context(), bad.name, bad.value, false); !errors.Is(err, alerts.ErrInput) {
				t.Errorf("%v: %v", bad, err)
			}
		}
		if err := b.SetLimit(t.Context(), alerts.AuditLag, 50, false); err != nil {
			t.Fatal(err)
		}
		if changed := evaluate(t, e, c, alerts.AuditLag, alerts.Reading{Value: 40}); len(changed) != 1 || changed[0].State != alerts.Resolved {
			t.Errorf("%+v", changed)
		}
		if err := b.SetLimit(t.Context(), alerts.AuditLag, 1, true); err != nil {
			t.Fatal(err)
		}
		if changed := evaluate(t, e, c, alerts.AuditLag, alerts.Reading{Value: 40}); len(changed) != 0 {
			t.Errorf("what is off fires: %+v", changed)
		}
		rules, err := b.Settings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			if r.Off != (r.Name == alerts.AuditLag) || r.Name == alerts.AuditLag && (r.Limit != 1 || r.Default != 30) {
				t.Errorf("%+v", r)
			}
		}
		if err := b.ResetLimit(t.Context(), alerts.AuditLag); err != nil {
			t.Fatal(err)
		}
		if err := b.ResetLimit(t.Context(), "none"); !errors.Is(err, alerts.ErrInput) {
			t.Error(err)
		}
		if changed := evaluate(t, e, c, alerts.AuditLag, alerts.Reading{Value: 40}); len(changed) != 1 {
			t.Errorf("%+v", changed)
		}
	})
}

func TestThoseOutsideAreToldUntilTheyHeard(t *testing.T) {
	each(t, func(t *testing.T, s store.Store) {
		c := newClock()
		b := alerts.NewBook(s, c.time)
		e := b.Evaluator(true)
		var heard []string
		var away error
		tell := func() {
			t.Helper()
			err := e.Tell(t.Context(), c.now, func(_ context.Context, a alerts.Alert) error {
				if away == nil {
					heard = append(heard, a.ID()+" "+string(a.State))
				}
				return away
			})
			if !errors.Is(err, away) {
				t.Error(err)
			}
		}
		want := func(texts ...string) {
			t.Helper()
			if strings.Join(heard, ", ") != strings.Join(texts, ", ") {
				t.Errorf("heard %q, want %q", heard, texts)
			}
			heard = nil
		}
		bad := []alerts.Reading{{Subject: "a", Value: 1}, {Subject: "b", Value: 2}}
		evaluate(t, e, c, alerts.JobFailed, bad...)
		away = errors.New("away")
		tell()
		away = nil
		e = b.Evaluator(true) // another process
		tell()
		want("job-failed/a firing", "job-failed/b firing")
		tell()
		want()
		if err := b.Acknowledge(t.Context(), "job-failed/a", "Rut"); err != nil {
			t.Fatal(err)
		}
		c.now = c.now.Add(7 * time.Hour) // nobody looks after b
		tell()
		want("job-failed/b firing")
		if err := b.Silence(t.Context(), "job-failed/b", "Rut", 8*time.Hour); err != nil {
			t.Fatal(err)
		}
		c.now = c.now.Add(7 * time.Hour)
		tell()
		want()
		c.now = c.now.Add(2 * time.Hour)
		tell()
		want("job-failed/b firing")
		evaluate(t, e, c, alerts.JobFailed)
		tell()
		tell()
		want("job-failed/a resolved", "job-failed/b resolved")
		if err := b.Acknowledge(t.Context(), "job-failed/a", "Rut"); !errors.Is(err, alerts.ErrInput) {
			t.Error(err)
		}
		for _, id := range []string{"job-failed/none", "x"} {
			if err := errors.Join(b.Acknowledge(t.Context(), id, ""), b.Silence(t.Context(), id, "", 1)); !errors.Is(err, alerts.ErrNotFound) {
				t.Error(err)
			}
		}
		if err := b.Silence(t.Context(), "job-failed/a", "", alerts.MaxSilence+1); !errors.Is(err, alerts.ErrInput) {
			t.Error(err)
		}
		// It fires again: the acknowledgement was of another time.
		evaluate(t, e, c, alerts.JobFailed, bad[0])
		if a := list(t, b)[0]; a.ID() != "job-failed/a" || !a.Acknowledged.IsZero() {
			t.Errorf("%+v", a)
		}
		tell()
		want("job-failed/a firing")
		c.now = c.now.Add(31 * 24 * time.Hour)
		if all := list(t, b); len(all) != 1 {
			t.Errorf("what is long resolved is listed: %+v", all)
		}
	})
}

func TestManySubjectsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, s store.Store) {
		c := newClock()
		b := alerts.NewBook(s, c.time)
		var many []alerts.Reading
		for i := range 300 {
			many = append(many, alerts.Reading{Subject: fmt.Sprint(i), Value: float64(i)})
		}
		if changed := evaluate(t, b.Evaluator(true), c, alerts.JobFailed, many...); len(changed) != 100 || changed[0].Subject != "299" {
			t.Errorf("%d, the first %+v", len(changed), changed[0])
		}
	})
}

func TestOneOfTwoProcessesEvaluates(t *testing.T) {
	each(t, func(t *testing.T, s store.Store) {
		c := newClock()
		b := alerts.NewBook(s, c.time)
		one, two := b.Lease("one", 45*time.Second), b.Lease("two", 45*time.Second)
		hold := func(l *alerts.Lease) bool {
			t.Helper()
			held, err := l.Hold(t.Context(), c.now)
			if err != nil {
				t.Fatal(err)
			}
			return held
		}
		for range 20 {
			if !hold(one) || hold(two) {
				t.Fatal("both hold the lease, or none")
			}
			c.now = c.now.Add(15 * time.Second)
		}
		// One stands still.
		took := 0
		for i := 1; i <= 5 && took == 0; i++ {
			if hold(two) {
				took = i
			}
			c.now = c.now.Add(15 * time.Second)
		}
		if took < 3 || took > 5 || hold(one) || !hold(two) {
			t.Errorf("another process took the lease after %d looks", took)
		}
		two.Release(t.Context())
		if !hold(one) {
			t.Error("what was given back is not taken at once")
		}
		if err := b.Share(t.Context(), "two", alerts.Window{At: c.now, Requests: 3, Failed: 1, Took: []int64{1, 2}}); err != nil {
			t.Fatal(err)
		}
		if err := b.Share(t.Context(), "one", alerts.Window{At: c.now, Requests: 100}); err != nil {
			t.Fatal(err)
		}
		if sum, err := b.Shared(t.Context(), "one", c.now); err != nil || sum.Requests != 3 || sum.Failed != 1 || len(sum.Took) != 2 || sum.Took[1] != 2 {
			t.Errorf("%+v %v", sum, err)
		}
		if sum, err := b.Shared(t.Context(), "one", c.now.Add(2*time.Minute)); err != nil || sum.Requests != 0 {
			t.Errorf("what is old is counted: %+v %v", sum, err)
		}
	})
}

func TestSilenceIsToldOfSourcesThatUsedToHaveSomething(t *testing.T) {
	each(t, func(t *testing.T, s store.Store) {
		c := newClock()
		p := alerts.NewBook(s, c.time).Pulses()
		silence := func(source string, total int64) time.Duration {
			t.Helper()
			d, err := p.Silence(t.Context(), c.now, source, total)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		total := int64(0)
		for range 6 * 24 { // six days of events
			total++
			if silence("feed", total) != 0 || silence("other", 7) != 0 {
				t.Fatal("silence where something came, or was never expected")
			}
			c.now = c.now.Add(time.Hour)
		}
		p = alerts.NewBook(s, c.time).Pulses() // another process remembers
		c.now = c.now.Add(20 * time.Hour)
		if d := silence("feed", total); d < 20*time.Hour || d > 22*time.Hour {
			t.Errorf("silent for %v", d)
		}
		c.now = c.now.AddDate(0, 0, 20)
		if d := silence("feed", total); d < 20*24*time.Hour {
			t.Errorf("a long silence is forgotten: %v", d)
		}
		if d := silence("other", 7); d != 0 {
			t.Errorf("a source that never had something is silent: %v", d)
		}
		if d := silence("feed", total+1); d != 0 {
			t.Errorf("silent for %v although something came", d)
		}
	})
}

func TestAReaderThatIsBehindAndDoesNotMoveStandsStill(t *testing.T) {
	each(t, func(t *testing.T, s store.Store) {
		c := newClock()
		p := alerts.NewBook(s, c.time).Pulses()
		for i, x := range []struct {
			at, behind int64
			want       time.Duration
		}{{5, 10, 0}, {5, 10, time.Minute}, {5, 12, 2 * time.Minute}, {6, 11, 0}, {6, 0, 0}, {6, 1, time.Minute}} {
			if got := p.Stands(c.now, "reader", x.at, x.behind); got != x.want && i != 5 {
				t.Errorf("%d: %v, want %v", i, got, x.want)
			}
			c.now = c.now.Add(time.Minute)
		}
	})
}
