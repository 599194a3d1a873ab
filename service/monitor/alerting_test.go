package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/metric"
)

// troubles make each rule fire, and end it.
var troubles = map[string]struct {
	subject    string
	begin, end func(p *place)
}{
	alerts.Errors: {"",
		func(p *place) {
			p.answer(30, 200, time.Millisecond)
			p.answer(3, 503, time.Millisecond)
			p.evaluate()
			p.after(time.Minute)
		},
		func(p *place) { p.after(6 * time.Minute) }},
	alerts.Latency: {"",
		func(p *place) {
			p.answer(100, 200, time.Millisecond)
			p.answer(3, 200, 8*time.Second)
			p.evaluate()
			p.after(2 * time.Minute)
		},
		func(p *place) { p.after(time.Minute); p.after(5 * time.Minute) }},
	alerts.AuditFull: {"",
		func(p *place) { p.store.full.Store(true); p.event(); p.evaluate() },
		func(p *place) {
			p.store.full.Store(false)
			p.until("room for the audit log", func() bool { return p.door.Audit().Health() == nil })
			p.evaluate()
		}},
	alerts.AuditLag: {"",
		func(p *place) {
			p.must(p.door.Alerts().SetLimit(p.t.Context(), alerts.AuditLag, 0.05, false))
			p.store.unsealed.Store(true)
			p.event()
			time.Sleep(60 * time.Millisecond)
			p.evaluate()
		},
		func(p *place) {
			p.store.unsealed.Store(false)
			p.until("numbers for the events", func() bool { return p.state().Waiting == 0 })
			p.evaluate()
		}},
	alerts.AuditCopy: {"copy",
		func(p *place) {
			p.copy.away.Store(true)
			p.event()
			p.until("a copy that fails", func() bool { return p.state().Copies[0].Away })
			p.evaluate()
			p.after(5 * time.Minute)
		},
		func(p *place) {
			p.copy.away.Store(false)
			p.until("a copy that goes on", func() bool { return !p.state().Copies[0].Away })
			p.evaluate()
		}},
	alerts.Delivery: {"Subscription/1",
		func(p *place) {
			p.feeds = []Feed{{Name: "Subscription/1", Total: 5, Taken: 5, Failures: 5}}
			p.evaluate()
		},
		func(p *place) { p.feeds[0].Failures = 0; p.evaluate() }},
	alerts.Still: {"Subscription/1",
		func(p *place) {
			p.feeds = []Feed{{Name: "Subscription/1", Total: 5, Taken: 3}}
			p.evaluate()
			p.after(301 * time.Second)
		},
		func(p *place) { p.feeds[0].Taken = 4; p.evaluate() }},
	alerts.Silent: {"Subscription/1",
		func(p *place) {
			p.feeds = []Feed{{Name: "Subscription/1"}}
			for range 6 {
				p.feeds[0].Total++
				p.feeds[0].Taken++
				p.after(24 * time.Hour)
			}
			p.after(25 * time.Hour)
		},
		func(p *place) { p.feeds[0].Total++; p.evaluate() }},
	alerts.FeedHeld: {"",
		func(p *place) { p.store.held.Store(301); p.evaluate() },
		func(p *place) { p.store.held.Store(0); p.evaluate() }},
	alerts.Disk: {"",
		func(p *place) { p.disk = 2047 << 20; p.evaluate() },
		func(p *place) { p.disk = 2049 << 20; p.evaluate() }},
	alerts.JobFailed: {"export",
		func(p *place) {
			p.must(p.store.CreateJob(p.t.Context(), store.Job{ID: "1", Kind: "export", State: store.JobFailed, Created: p.now, Ended: p.now}))
			p.evaluate()
		},
		func(p *place) { p.after(25 * time.Hour) }},
	alerts.JobStuck: {"export",
		func(p *place) {
			p.must(p.store.CreateJob(p.t.Context(), store.Job{ID: "1", Kind: "export", State: store.JobReady, Created: p.now, RunAt: p.now}))
			p.after(601 * time.Second)
		},
		func(p *place) { p.must(p.store.CancelJob(p.t.Context(), "1", p.now)); p.evaluate() }},
	alerts.Certificate: {"",
		func(p *place) { p.certificate = p.now.AddDate(0, 0, 20); p.evaluate() },
		func(p *place) { p.certificate = p.now.AddDate(0, 0, 90); p.evaluate() }},
	alerts.SigningKey: {"",
		func(p *place) { p.key = p.now.AddDate(0, 0, -401); p.evaluate() },
		func(p *place) { p.key = p.now; p.evaluate() }},
	alerts.Clock: {"",
		func(p *place) { p.store.ahead.Store(-3600); p.evaluate(); p.after(time.Minute) },
		func(p *place) { p.store.ahead.Store(0); p.now = time.Now(); p.evaluate() }},
	alerts.Backup: {"",
		func(p *place) {
			p.must(records.NoteBackup(p.t.Context(), p.store, records.Backup{Taken: p.now.Add(-49 * time.Hour)}))
			p.evaluate()
		},
		func(p *place) {
			p.must(records.NoteBackup(p.t.Context(), p.store, records.Backup{Taken: p.now}))
			p.evaluate()
		}},
	alerts.SignIns: {"",
		func(p *place) {
			p.counts.Counter("ingle_sign_ins_total", "x", "tenant", "method", "outcome").Add(101, "", "password", "failed")
			p.evaluate()
		},
		func(p *place) { p.after(6 * time.Minute) }},
}

func TestEveryRuleFiresByWhatItWatchesAndIsResolved(t *testing.T) {
	for _, rule := range alerts.Rules() {
		trouble, ok := troubles[rule.Name]
		if !ok {
			t.Errorf("nothing makes %s fire", rule.Name)
			continue
		}
		for _, database := range []string{"SQLite", "PostgreSQL"} {
			t.Run(rule.Name+" on "+database, func(t *testing.T) {
				p := newPlace(t)
				if some := p.firing(rule.Name); len(some) != 0 {
					t.Fatalf("it fires by itself: %+v", some)
				}
				trouble.begin(p)
				some := p.firing(rule.Name)
				if len(some) != 1 || some[0].Subject != trouble.subject {
					t.Fatalf("%+v; the log: %s", some, p.log.String())
				}
				if n := p.notices; len(n) == 0 || n[len(n)-1].State != "firing" {
					t.Errorf("nobody was told: %+v", n)
				}
				trouble.end(p)
				if some := p.firing(rule.Name); len(some) != 0 {
					t.Errorf("it is not resolved: %+v", some)
				}
				n := p.notices
				told := false
				for _, one := range n {
					told = told || one.Rule == rule.Name && one.State == "resolved" && one.Title == rule.Title
				}
				if !told {
					t.Errorf("nobody was told that it is resolved: %+v", n)
				}
				if log := p.log.String(); !strings.Contains(log, "alert: "+rule.Title) || !strings.Contains(log, "alert resolved: "+rule.Title) {
					t.Errorf("the log: %s", log)
				}
			})
		}
	}
}

func TestOneOfTwoWatchmenEvaluatesWhatBothAnsweredPostgreSQL(t *testing.T) {
	p := newPlace(t)
	other := p.another("two")
	other.config.Requests = NewRequests(metric.New())
	other.tenants[0].history = nil
	own := p.requests
	p.requests = other.config.Requests
	p.answer(15, 500, time.Millisecond)
	p.requests = own
	p.answer(15, 200, time.Millisecond)
	for range 8 { // two minutes
		p.now = p.now.Add(evaluateEvery)
		other.Evaluate(t.Context(), p.now)
		p.evaluate()
	}
	told := slices.DeleteFunc(slices.Clone(p.notices), func(n Notice) bool { return n.Rule != alerts.Errors })
	if some := p.firing(alerts.Errors); len(some) != 1 || some[0].Value != 50 || len(told) != 1 {
		t.Fatalf("%+v, %d notices", some, len(p.notices))
	}
	// The first is gone, and the other one goes on.
	for range 8 {
		p.now = p.now.Add(evaluateEvery)
		other.Evaluate(t.Context(), p.now)
	}
	p.disk = 0
	p.now = p.now.Add(evaluateEvery)
	other.Evaluate(t.Context(), p.now)
	if some := p.firing(alerts.Disk); len(some) != 1 {
		t.Errorf("nobody evaluates: %+v", some)
	}
}

func TestAlertsAreInTheMetrics(t *testing.T) {
	p := newPlace(t)
	p.disk = 0
	p.evaluate()
	Collect(p.watchman.config.Config)
	var b strings.Builder
	p.must(p.counts.WriteText(t.Context(), &b))
	for _, line := range []string{`ingle_alerts{tenant="",rule="disk"} 1`, `ingle_alerts{tenant="",rule="errors"} 0`} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("no %s in %s", line, b.String())
		}
	}
}

func TestAWebhookIsToldAndAnEMailIsSent(t *testing.T) {
	var got []Notice
	fail := true
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var n Notice
		if err == nil {
			err = json.Unmarshal(body, &n)
		}
		if err != nil || r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" {
			t.Error(err, r.Method, r.Header)
		}
		if fail {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		got = append(got, n)
	}))
	defer hook.Close()
	var mail []string
	tell, err := Teller([]string{hook.URL + "/secret", "mailto:ops@example.org"}, func(_ context.Context, to, subject, text string) error {
		mail = append(mail, to, subject, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	p.watchman.config.Tell = tell
	p.disk = 0
	p.evaluate()
	if len(got) != 0 || !strings.Contains(p.log.String(), "502") || strings.Contains(p.log.String(), "secret") {
		t.Errorf("%+v, the log: %s", got, p.log.String())
	}
	fail = false
	p.evaluate()
	p.evaluate()
	if len(got) != 1 || got[0].Rule != "disk" || got[0].State != "firing" || got[0].Server != "http://ehr.example/fhir" || got[0].Text == "" || got[0].Advice == "" {
		t.Errorf("%+v", got)
	}
	if len(mail) < 3 || mail[0] != "ops@example.org" || mail[1] != "Alert: The disk is nearly full" || !strings.Contains(mail[2], "Make room") {
		t.Errorf("%q", mail)
	}
	for _, bad := range []string{"ftp://x", "hooks.example", "mailto:x@example.org", "://"} {
		if _, err := Teller([]string{bad}, nil); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	if tell, err := Teller(nil, nil); tell != nil || err != nil {
		t.Error("nobody is to be told")
	}
}

func TestTheSlowestOfAHundredIsFound(t *testing.T) {
	for _, c := range []struct {
		took map[time.Duration]int
		want float64
		ok   bool
	}{
		{map[time.Duration]int{time.Millisecond: 10}, 0, false},
		{map[time.Duration]int{time.Millisecond: 100}, 0.001, true},
		{map[time.Duration]int{time.Millisecond: 900, 7 * time.Second: 100}, 10, true},
		{map[time.Duration]int{time.Minute: 100}, 30, true},
	} {
		x := newTally()
		for d, n := range c.took {
			for range n {
				x.answered(200)
				x.took(d)
			}
		}
		var h history
		got, ok := slowest(h.window(x.now(time.Now(), 0)))
		if ok != c.ok || got > c.want || got < c.want*0.5 {
			t.Errorf("%v: %v %v, want %v", c.took, got, ok, c.want)
		}
	}
}

func TestTheMetricsOfADatabaseThatIsAwayAreLeftOut(t *testing.T) {
	p := newPlace(t)
	Collect(p.watchman.config.Config)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b strings.Builder
	p.must(p.counts.WriteText(ctx, &b))
	if text := b.String(); !strings.Contains(text, `ingle_database_up{tenant="",database="sqlite"} 0`) || !strings.Contains(text, "go_goroutines") || strings.Contains(text, "ingle_feed_place{") {
		t.Error(fmt.Sprint(text))
	}
}
