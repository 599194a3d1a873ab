// Package monitor tells whoever runs the place how it is: metrics for Prometheus, and
// alerts.
//
// Nothing here names a patient, and nothing reads records.
package monitor

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/watch/metric"
)

// Config is what is watched.
type Config struct {
	Counts   *metric.Registry // required
	Tenants  *records.Tenants // required: those of this process
	Database string           // of which kind it is: "sqlite" or "postgresql"
	// Disk is how many bytes are free where records are kept; nil where that is not for
	// this program to know.
	Disk    func() (uint64, error)
	Version string    // of the program
	Begun   time.Time // when it was started
}

// Collect has the metrics that are asked for when they are told collected.
func Collect(c Config) {
	c.Counts.Process(c.Begun)
	build := c.Counts.Declare(metric.KindGauge, "ingle_build_info", "The version of Ingle.", "version")
	disk := c.Counts.Declare(metric.KindGauge, "ingle_disk_free_bytes", "Bytes that are free where records are kept, on SQLite.")
	c.Counts.Collect(func(_ context.Context, s *metric.Sink) {
		s.Put(build, 1, c.Version)
		if c.Disk != nil {
			if free, err := c.Disk(); err == nil {
				s.Put(disk, float64(free))
			}
		}
	})
	firing := c.Counts.Declare(metric.KindGauge, "ingle_alerts", "Alerts that fire, by rule; 0 for a rule that does not.", "tenant", "rule")
	c.Counts.Collect(func(ctx context.Context, s *metric.Sink) {
		for _, name := range c.Tenants.Names() {
			if door, ok := c.Tenants.Door(name); ok {
				tellAlerts(ctx, s, firing, door)
			}
		}
	})
	f := declare(c.Counts)
	c.Counts.Collect(func(ctx context.Context, s *metric.Sink) {
		for _, name := range c.Tenants.Names() {
			if door, ok := c.Tenants.Door(name); ok {
				f.tell(ctx, s, c.Database, door)
			}
		}
	})
}

// families are those of a tenant.
type families struct {
	up, size, connections, mostConnections, cache, commits, clock        *metric.Family
	auditEvents, auditWaiting, auditLag, auditFull, copyBehind, copyAway *metric.Family
	jobs, jobDue, feedPlace, feedHeld, readOnly, indexes, refusals       *metric.Family
}

func declare(r *metric.Registry) families {
	gauge := func(name, help string, labels ...string) *metric.Family {
		return r.Declare(metric.KindGauge, name, help, append([]string{"tenant"}, labels...)...)
	}
	return families{
		up:              gauge("ingle_database_up", "1 while the database answers and can be written, 0 otherwise.", "database"),
		size:            gauge("ingle_database_bytes", "Size of the tenant's tables and indexes; on SQLite of its files, the audit log's included.", "database"),
		connections:     gauge("ingle_database_connections", "Connections of this process to the database, by whether they are in use: busy or idle.", "database", "state"),
		mostConnections: gauge("ingle_database_connections_max", "How many connections there may be.", "database"),
		cache:           r.Declare(metric.KindGauge, "ingle_page_cache_bytes", "Memory of SQLite's page caches, of all tenants."),
		commits:         r.Declare(metric.KindCounter, "ingle_database_commits_total", "Commits of writes. Concurrent writes share one.", "tenant", "database"),
		clock:           gauge("ingle_database_clock_skew_seconds", "By how much the database's clock is ahead of this machine's.", "database"),
		auditEvents:     gauge("ingle_audit_events", "Events of the audit log that have a number."),
		auditWaiting:    gauge("ingle_audit_waiting_events", "Events that this process recorded and that have no number yet."),
		auditLag:        gauge("ingle_audit_lag_seconds", "For how long the oldest event without a number has waited."),
		auditFull:       gauge("ingle_audit_full", "1 while the disk of the audit log is full and only treatment goes on, 0 otherwise."),
		copyBehind:      gauge("ingle_audit_copy_behind_events", "Events that a copy of the audit log has not had yet.", "copy"),
		copyAway:        gauge("ingle_audit_copy_away", "1 while a copy of the audit log cannot be reached, 0 otherwise.", "copy"),
		jobs:            gauge("ingle_jobs", "Background jobs by kind and state: ready, running, done, failed or cancelled.", "kind", "state"),
		jobDue:          gauge("ingle_job_overdue_seconds", "For how long the job of a kind that has waited longest has been due, or been left by a process that ended.", "kind"),
		feedPlace:       gauge("ingle_feed_place", "The newest place in the change feed."),
		feedHeld:        gauge("ingle_feed_held_seconds", "How long the oldest transaction is open beyond which the change feed does not read, on PostgreSQL."),
		refusals:        r.Declare(metric.KindCounter, "ingle_limit_refusals_total", "Requests that a limit of this process refused, by whom it was for and what it counts.", "tenant", "scope", "meter"),
		readOnly:        gauge("ingle_read_only", "1 while writes of records are refused, 0 otherwise."),
		indexes:         gauge("ingle_search_parameters_incomplete", "Search parameters that lack rows, so that searches by them are refused."),
	}
}

// tell puts how a tenant is. What cannot be asked is left out.
func (f families) tell(ctx context.Context, s *metric.Sink, database string, door *records.Door) {
	tenant, now := door.Name(), time.Now()
	s.Put(f.readOnly, number(door.ReadOnly()), tenant)
	for _, c := range door.Limits().Counts() {
		s.Put(f.refusals, float64(c.Refused), tenant, c.Scope.String(), c.Meter.String())
	}
	f.audit(ctx, s, door)
	if err := door.Ping(ctx); err != nil && !errors.Is(err, audit.ErrFull) {
		s.Put(f.up, 0, tenant, database)
		return
	}
	s.Put(f.up, 1, tenant, database)
	if v, err := door.Vitals(ctx); err == nil {
		s.Put(f.size, float64(v.Bytes), tenant, database)
		s.Put(f.connections, float64(v.Busy), tenant, database, "busy")
		s.Put(f.connections, float64(v.Connections-min(v.Busy, v.Connections)), tenant, database, "idle")
		s.Put(f.mostConnections, float64(v.MaxConnections), tenant, database)
		s.Put(f.commits, float64(v.Commits), tenant, database)
		s.Put(f.clock, v.Now.Sub(now).Seconds(), tenant, database)
		s.Put(f.feedHeld, v.FeedHeld.Seconds(), tenant)
		s.Put(f.cache, float64(v.CacheBytes))
	}
	if place, err := door.LastSeq(ctx); err == nil {
		s.Put(f.feedPlace, float64(place), tenant)
	}
	if lacking, err := door.Incomplete(ctx); err == nil {
		s.Put(f.indexes, float64(len(lacking)), tenant)
	}
	if counts, err := door.Jobs().CountJobs(ctx); err == nil {
		late := map[string]time.Duration{}
		for _, c := range counts {
			s.Put(f.jobs, float64(c.Count), tenant, c.Kind, string(c.State))
			late[c.Kind] = max(late[c.Kind], overdue(c, now))
		}
		for kind, by := range late {
			s.Put(f.jobDue, by.Seconds(), tenant, kind)
		}
	}
}

func (f families) audit(ctx context.Context, s *metric.Sink, door *records.Door) {
	log, tenant := door.Audit(), door.Name()
	if log == nil {
		return
	}
	s.Put(f.auditFull, number(log.Health() != nil), tenant)
	state, err := log.State(ctx)
	if err == nil {
		s.Put(f.auditEvents, float64(state.Events), tenant)
	}
	s.Put(f.auditWaiting, float64(state.Waiting), tenant)
	s.Put(f.auditLag, state.Lag.Seconds(), tenant)
	for _, one := range state.Copies {
		s.Put(f.copyBehind, float64(one.Behind), tenant, one.Name)
		s.Put(f.copyAway, number(one.Away), tenant, one.Name)
	}
}

func tellAlerts(ctx context.Context, s *metric.Sink, f *metric.Family, door *records.Door) {
	list, err := door.Alerts().List(ctx)
	if err != nil {
		return
	}
	count := map[string]float64{}
	for _, r := range alerts.Rules() {
		count[r.Name] = 0
	}
	for _, a := range list {
		if a.State == alerts.Firing {
			count[a.Rule]++
		}
	}
	for rule, n := range count {
		s.Put(f, n, door.Name(), rule)
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
