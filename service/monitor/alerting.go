package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/records"
)

// Alerting is what rules are evaluated over.
type Alerting struct {
	Config
	Requests *Requests // required
	Log      *slog.Logger
	Process  string // names this one among those that share a database
	Alone    bool   // no other process has the database
	// Certificate is until when that of TLS is good; false for none. nil: none.
	Certificate func() (time.Time, bool)
	// SigningKey is when the newest signing key of a tenant was made; the zero time for
	// none. nil: there are none.
	SigningKey func(ctx context.Context, tenant string) (time.Time, error)
	// Feeds are the subscriptions of a tenant; nil: there are none.
	Feeds func(ctx context.Context, door *records.Door) ([]Feed, error)
	// Tell tells those outside of an alert; nil: nobody is told.
	Tell func(ctx context.Context, n Notice) error
}

// Watchman evaluates the rules of all tenants. It belongs to one goroutine.
type Watchman struct {
	config  Alerting
	tenants []*tenant
}

// tenant is what a Watchman knows of one.
type tenant struct {
	door      *records.Door
	book      *alerts.Book
	evaluator *alerts.Evaluator
	lease     *alerts.Lease
	pulses    *alerts.Pulses
	history   history
	shared    alerts.Window // last
	apps      map[string]int64
	appsAt    time.Time
	failed    string // what could not be done, and was logged
}

// evaluateEvery is how often the rules are evaluated, and leaseSilent after how long
// another process does it.
const (
	evaluateEvery = 15 * time.Second
	leaseSilent   = 45 * time.Second
	evaluateTime  = 10 * time.Second
)

// NewWatchman watches the tenants, also those that come later.
func NewWatchman(c Alerting) *Watchman {
	w := &Watchman{config: c}
	w.look()
	return w
}

// look finds the tenants that there are now.
func (w *Watchman) look() {
	known := map[*records.Door]*tenant{}
	for _, t := range w.tenants {
		known[t.door] = t
	}
	w.tenants = w.tenants[:0]
	for _, name := range w.config.Tenants.Names() {
		door, ok := w.config.Tenants.Door(name)
		if !ok {
			continue // it went just now
		}
		t := known[door]
		if t == nil {
			book := door.Alerts()
			t = &tenant{door: door, book: book, evaluator: book.Evaluator(name == ""), lease: book.Lease(w.config.Process, leaseSilent), pulses: book.Pulses()}
		}
		w.tenants = append(w.tenants, t)
	}
}

// Run evaluates until ctx ends.
func (w *Watchman) Run(ctx context.Context) {
	tick := time.NewTicker(evaluateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			for _, t := range w.tenants {
				t.lease.Release(ending)
			}
			return
		case now := <-tick.C:
			w.Evaluate(ctx, now)
		}
	}
}

// Evaluate evaluates the rules once, as of now, for the tenants of which this process
// has the lease.
func (w *Watchman) Evaluate(ctx context.Context, now time.Time) {
	w.look()
	for _, t := range w.tenants {
		trying, cancel := context.WithTimeout(ctx, evaluateTime)
		err := t.evaluate(trying, &w.config, now)
		cancel()
		w.mind(ctx, t, err)
	}
}

// mind logs what failed, once.
func (w *Watchman) mind(ctx context.Context, t *tenant, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if ctx.Err() == nil && text != t.failed {
		if t.failed = text; text != "" {
			w.config.Log.WarnContext(ctx, "not all alerts could be evaluated or told", "tenant", t.door.Name(), "error", err)
		}
	}
}

func (t *tenant) evaluate(ctx context.Context, c *Alerting, now time.Time) error {
	name := t.door.Name()
	counted := c.Requests.tally(name)
	if counted == nil {
		return nil // it is not served any more
	}
	window := t.history.window(counted.now(now, int64(c.Counts.Sum("ingle_sign_ins_total", "tenant", name, "outcome", "failed"))))
	if !c.Alone {
		held, err := t.lease.Hold(ctx, now)
		if err != nil || !held {
			return errors.Join(err, t.share(ctx, c.Process, window))
		}
		others, err := t.book.Shared(ctx, c.Process, now)
		if err != nil {
			return err
		}
		window.Add(others)
	}
	readings, unread := t.readings(ctx, c, now, window)
	changed, err := t.evaluator.Evaluate(ctx, now, readings)
	for _, a := range changed {
		report(ctx, c.Log, name, a)
	}
	if c.Tell == nil {
		return errors.Join(unread, err)
	}
	return errors.Join(unread, err, t.evaluator.Tell(ctx, now, func(ctx context.Context, a alerts.Alert) error {
		return c.Tell(ctx, notice(t.door, a))
	}))
}

// share tells the process that evaluates what this one answered, unless that is
// nothing, as before.
func (t *tenant) share(ctx context.Context, process string, w alerts.Window) error {
	if w.Requests == 0 && w.SignIns == 0 && t.shared.Requests == 0 && t.shared.SignIns == 0 {
		return nil
	}
	t.shared = w
	return t.book.Share(ctx, process, w)
}

// report logs what began to fire or is resolved.
func report(ctx context.Context, log *slog.Logger, tenant string, a alerts.Alert) {
	r, _ := alerts.RuleNamed(a.Rule)
	level, words := slog.LevelError, "alert: "+r.Title
	if a.State == alerts.Resolved {
		level, words = slog.LevelWarn, "alert resolved: "+r.Title
	}
	log.LogAttrs(ctx, level, words, slog.String("tenant", tenant), slog.String("rule", a.Rule), slog.String("subject", a.Subject),
		slog.String("value", alerts.Told(a.Value, r.Unit)), slog.String("limit", alerts.Told(a.Limit, r.Unit)))
}

// Notice is what those outside are told.
type Notice struct {
	State   string    `json:"state"` // firing or resolved
	Rule    string    `json:"rule"`
	Subject string    `json:"subject,omitempty"`
	Title   string    `json:"title"`
	Means   string    `json:"means"`
	Advice  string    `json:"advice"`
	Value   float64   `json:"value"`
	Limit   float64   `json:"limit"`
	Unit    string    `json:"unit,omitempty"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until,omitzero"`
	Server  string    `json:"server"` // base URL of the tenant
	Tenant  string    `json:"tenant,omitempty"`
	Text    string    `json:"text"` // all of it in a line, for chats
}

func notice(door *records.Door, a alerts.Alert) Notice {
	r, _ := alerts.RuleNamed(a.Rule)
	n := Notice{
		State: string(a.State), Rule: a.Rule, Subject: a.Subject, Title: r.Title, Means: r.Means, Advice: r.Advice, Value: a.Value, Limit: a.Limit, Unit: string(r.Unit),
		Since: a.Since, Until: a.Resolved, Server: door.Base(), Tenant: door.Name(),
	}
	about := ""
	if a.Subject != "" {
		about = " (" + a.Subject + ")"
	}
	if a.State == alerts.Resolved {
		n.Text = fmt.Sprintf("Resolved at %s: %s%s", n.Server, r.Title, about)
	} else {
		n.Text = fmt.Sprintf("%s%s at %s: %s, limit %s. %s", r.Title, about, n.Server, alerts.Told(a.Value, r.Unit), alerts.Told(a.Limit, r.Unit), r.Advice)
	}
	return n
}
