package monitor

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/records"
)

// Feed is a subscription, or another reader of changes.
type Feed struct {
	Name         string // "Subscription/1"
	Total, Taken int64  // number of its last event, and of the last one that was taken
	Failures     int    // attempts that failed in a row
}

// readings are what the rules are compared with, of one tenant. The error tells what
// could not be read; the rest is there.
func (t *tenant) readings(ctx context.Context, c *Alerting, now time.Time, w alerts.Window) (alerts.Readings, error) {
	r := alerts.Readings{alerts.Errors: nil, alerts.Latency: nil, alerts.SignIns: {{Value: float64(w.SignIns)}}}
	if share, ok := failing(w); ok {
		r[alerts.Errors] = []alerts.Reading{{Value: share}}
	}
	if took, ok := slowest(w); ok {
		r[alerts.Latency] = []alerts.Reading{{Value: took}}
	}
	return r, errors.Join(t.ofServer(c, now, r), t.ofDatabase(ctx, now, r), t.ofAudit(ctx, r), t.ofJobs(ctx, now, r), t.ofFeeds(ctx, c, now, r), t.ofKeys(ctx, c, now, r))
}

func (t *tenant) ofServer(c *Alerting, now time.Time, r alerts.Readings) error {
	r[alerts.Certificate], r[alerts.Disk] = nil, nil
	if c.Certificate != nil {
		if until, ok := c.Certificate(); ok {
			r[alerts.Certificate] = []alerts.Reading{{Value: until.Sub(now).Hours() / 24}}
		}
	}
	if c.Disk == nil {
		return nil
	}
	free, err := c.Disk()
	if err != nil {
		delete(r, alerts.Disk)
		return err
	}
	r[alerts.Disk] = []alerts.Reading{{Value: float64(free) / (1 << 20)}}
	return nil
}

func (t *tenant) ofDatabase(ctx context.Context, now time.Time, r alerts.Readings) error {
	began := time.Now()
	v, err := t.door.Vitals(ctx)
	if err != nil {
		return err
	}
	skew := v.Now.Sub(now.Add(time.Since(began) / 2))
	r[alerts.Clock] = []alerts.Reading{{Value: math.Abs(skew.Seconds())}}
	r[alerts.FeedHeld] = []alerts.Reading{{Value: v.FeedHeld.Seconds()}}
	last, err := t.door.LastBackup(ctx)
	if err != nil {
		return err
	}
	r[alerts.Backup] = nil
	if !last.Taken.IsZero() {
		r[alerts.Backup] = []alerts.Reading{{Value: now.Sub(last.Taken).Hours()}}
	}
	return nil
}

func (t *tenant) ofAudit(ctx context.Context, r alerts.Readings) error {
	log := t.door.Audit()
	if log == nil {
		return nil
	}
	full := 0.0
	if log.Health() != nil {
		full = 1
	}
	r[alerts.AuditFull] = []alerts.Reading{{Value: full}}
	state, err := log.State(ctx)
	r[alerts.AuditLag] = []alerts.Reading{{Value: state.Lag.Seconds()}}
	r[alerts.AuditCopy] = nil
	for _, one := range state.Copies {
		r[alerts.AuditCopy] = append(r[alerts.AuditCopy], alerts.Reading{Subject: one.Name, Value: number(one.Away)})
	}
	return err
}

// failedFor is for how long a job that failed is told of.
const failedFor = 24 * time.Hour

func (t *tenant) ofJobs(ctx context.Context, now time.Time, r alerts.Readings) error {
	counts, err := t.door.Jobs().CountJobs(ctx)
	if err != nil {
		return err
	}
	r[alerts.JobFailed], r[alerts.JobStuck] = nil, nil
	late := map[string]time.Duration{}
	for _, c := range counts {
		late[c.Kind] = max(late[c.Kind], overdue(c, now))
		if c.State == "failed" && now.Sub(c.Ended) < failedFor {
			r[alerts.JobFailed] = append(r[alerts.JobFailed], alerts.Reading{Subject: c.Kind, Value: float64(c.Count)})
		}
	}
	for kind, by := range late {
		r[alerts.JobStuck] = append(r[alerts.JobStuck], alerts.Reading{Subject: kind, Value: by.Seconds()})
	}
	return nil
}

// appsEvery is how often it is looked which apps sent something.
const appsEvery = 5 * time.Minute

func (t *tenant) ofFeeds(ctx context.Context, c *Alerting, now time.Time, r alerts.Readings) error {
	var feeds []Feed
	if c.Feeds != nil {
		var err error
		if feeds, err = c.Feeds(ctx, t.door); err != nil {
			return err
		}
	}
	r[alerts.Delivery], r[alerts.Still] = nil, nil
	totals := map[string]int64{}
	for _, f := range feeds {
		r[alerts.Delivery] = append(r[alerts.Delivery], alerts.Reading{Subject: f.Name, Value: float64(f.Failures)})
		r[alerts.Still] = append(r[alerts.Still], alerts.Reading{Subject: f.Name, Value: t.pulses.Stands(now, f.Name, f.Taken, f.Total-f.Taken).Seconds()})
		totals[f.Name] = f.Total
	}
	if now.Sub(t.appsAt) >= appsEvery {
		used, err := t.door.Usage(ctx, 1, "")
		if err != nil {
			return err
		}
		t.appsAt, t.apps = now, services(used)
	}
	for app, requests := range t.apps {
		totals[app] = requests
	}
	last, err := t.door.LastSeq(ctx)
	if err != nil {
		return err
	}
	totals["all changes"] = int64(last)
	var silent []alerts.Reading
	for source, total := range totals {
		silence, err := t.pulses.Silence(ctx, now, source, total)
		if err != nil {
			return err
		}
		silent = append(silent, alerts.Reading{Subject: source, Value: silence.Hours()})
	}
	r[alerts.Silent] = silent
	return nil
}

// services are the apps that come without a user, with their requests of today.
func services(used []records.Usage) map[string]int64 {
	all := map[string]int64{}
	for _, u := range used {
		if u.User == "" && u.Client != "" {
			all["app "+u.Client] += u.Requests
		}
	}
	return all
}

func (t *tenant) ofKeys(ctx context.Context, c *Alerting, now time.Time, r alerts.Readings) error {
	if c.SigningKey == nil {
		return nil
	}
	made, err := c.SigningKey(ctx, t.door.Name())
	if err != nil {
		return err
	}
	r[alerts.SigningKey] = nil
	if !made.IsZero() {
		r[alerts.SigningKey] = []alerts.Reading{{Value: now.Sub(made).Hours() / 24}}
	}
	return nil
}
