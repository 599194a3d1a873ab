package monitor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/watch/finding"
)

// Examine looks how a tenant is: clock, indexes, labels, audit log, jobs, subscriptions,
// backups and alerts. It changes nothing. feeds are its subscriptions; nil: there are
// none.
func Examine(ctx context.Context, door *records.Door, now time.Time, feeds func(ctx context.Context, door *records.Door) ([]Feed, error)) []finding.Finding {
	x := &examination{ctx: ctx, door: door, now: now}
	x.clock()
	x.indexes()
	x.labels()
	x.audit()
	x.jobs()
	if feeds != nil {
		x.feeds(feeds)
	}
	x.backup()
	x.alerts()
	return x.found
}

type examination struct {
	ctx   context.Context
	door  *records.Door
	now   time.Time
	found []finding.Finding
}

func (x *examination) add(f finding.Finding) { x.found = append(x.found, f) }

// failed notes what could not be asked.
func (x *examination) failed(check string, err error) bool {
	if err != nil {
		x.add(finding.Ill(check, "Look into the server's log, and at what else is found here.", "It cannot be asked: %v.", err))
	}
	return err != nil
}

func (x *examination) clock() {
	began := time.Now()
	v, err := x.door.Vitals(x.ctx)
	if x.failed("clock", err) {
		return
	}
	x.add(finding.Skew("clock", "The database's clock", v.Now.Sub(x.now.Add(time.Since(began)/2))))
}

func (x *examination) indexes() {
	lacking, err := x.door.Incomplete(x.ctx)
	if x.failed("indexes", err) {
		return
	}
	var stuck []string
	for _, one := range lacking {
		if one.Problem != "" {
			stuck = append(stuck, one.String())
		}
	}
	switch {
	case len(stuck) > 0:
		x.add(finding.Ill("indexes", "Mend what is named, then ingle reindex.", "%s", strings.Join(stuck[:min(3, len(stuck))], "; ")))
	case len(lacking) > 0:
		x.add(finding.Doubt("indexes", "Wait until the server has built them, or stop it and run ingle reindex. Give this command the --package of serve.",
			"%d search parameters lack rows, such as %s: searches by them are refused.", len(lacking), lacking[0].Param))
	default:
		x.add(finding.Well("indexes", "Every search parameter has all its rows."))
	}
}

func (x *examination) labels() {
	l, err := x.door.Labeling(x.ctx)
	if x.failed("labels", err) {
		return
	}
	switch {
	case l.Error != "":
		x.add(finding.Ill("labels", "Mend what is named, then ingle relabel.", "Resources cannot be labelled: %s.", l.Error))
	case l.Pending:
		x.add(finding.Doubt("labels", "Wait until the server has done it, or stop it and run ingle relabel.", "Not all resources are labelled by the rules in force."))
	default:
		x.add(finding.Well("labels", "All resources are labelled by the rules in force."))
	}
}

// lagging is how long events may wait for a number.
const lagging = 30 * time.Second

func (x *examination) audit() {
	log := x.door.Audit()
	if log == nil {
		return
	}
	events, problems, err := log.CheckHead(x.ctx)
	if !x.failed("audit log", err) {
		if len(problems) > 0 {
			x.add(finding.Ill("audit log", "Keep a copy of the database, and run ingle audit verify, which names what was altered.", "%s.", strings.Join(problems, "; ")))
		} else {
			x.add(finding.Well("audit log", "The last checkpoint of its %d events is signed, and is that of what is stored. ingle audit verify reads all of it.", events))
		}
	}
	state, err := log.State(x.ctx)
	if x.failed("audit copies", err) {
		return
	}
	if log.Health() != nil {
		x.add(finding.Ill("audit room", "Make room on the disk of the records.", "The disk of the audit log is full: only treatment goes on, with a reserve."))
	}
	if state.Lag > lagging {
		x.add(finding.Ill("audit lag", "Look for \"not numbered\" in the log: the database is slow, or full.", "Events wait for their number for %s.", state.Lag.Round(time.Second)))
	}
	for _, one := range state.Copies {
		if one.Away {
			x.add(finding.Doubt("audit copies", "Look whether the file can be written, or the syslog server answers.", "The copy to %s cannot be reached; it lacks %d events.", one.Name, one.Behind))
		}
	}
}

// stuckAfter is how long a job may be due.
const stuckAfter = 10 * time.Minute

func (x *examination) jobs() {
	counts, err := x.door.Jobs().CountJobs(x.ctx)
	if x.failed("jobs", err) {
		return
	}
	var stuck, failed []string
	for _, c := range counts {
		if by := overdue(c, x.now); by > stuckAfter {
			stuck = append(stuck, fmt.Sprintf("%s, for %s", c.Kind, by.Round(time.Second)))
		}
		if c.State == "failed" {
			failed = append(failed, fmt.Sprintf("%d of %s", c.Count, c.Kind))
		}
	}
	switch {
	case len(stuck) > 0:
		x.add(finding.Ill("jobs", "Is a server running, with the same packages? Look for \"jobs cannot be leased\" in its log.", "Nobody does work that is due: %s.", strings.Join(stuck, "; ")))
	case len(failed) > 0:
		x.add(finding.Doubt("jobs", "The console's page Health says why. Give the work again once its cause is mended.", "Jobs failed: %s.", strings.Join(failed, "; ")))
	default:
		x.add(finding.Well("jobs", "None is stuck, and none failed."))
	}
}

func (x *examination) feeds(feeds func(ctx context.Context, door *records.Door) ([]Feed, error)) {
	list, err := feeds(x.ctx, x.door)
	if x.failed("subscriptions", err) {
		return
	}
	failing := slices.DeleteFunc(slices.Clone(list), func(f Feed) bool { return f.Failures == 0 })
	if len(failing) == 0 {
		x.add(finding.Well("subscriptions", "All %d subscribers are told.", len(list)))
		return
	}
	slices.SortFunc(failing, func(a, b Feed) int { return b.Failures - a.Failures })
	x.add(finding.Doubt("subscriptions", "Ask who runs the subscriber; the console's page Subscriptions shows the last error, and tries again.",
		"%d of %d subscribers cannot be told, such as %s, after %d attempts in a row.", len(failing), len(list), failing[0].Name, failing[0].Failures))
}

// backupAge is how old the last backup may be.
const backupAge = 48 * time.Hour

func (x *examination) backup() {
	last, err := x.door.LastBackup(x.ctx)
	if x.failed("backup", err) {
		return
	}
	const do = "ingle backup --to DIR, or ingle serve --backup-to DIR --backup-every 24h. Backups taken by other tools are not known here."
	age := x.now.Sub(last.Taken).Round(time.Minute)
	switch {
	case last.Taken.IsZero():
		x.add(finding.Doubt("backup", do, "No backup was taken yet."))
	case age > backupAge:
		x.add(finding.Doubt("backup", do, "The last backup was taken %s ago.", age))
	default:
		x.add(finding.Well("backup", "The last one was taken %s ago.", age))
	}
}

func (x *examination) alerts() {
	list, err := x.door.Alerts().List(x.ctx)
	if x.failed("alerts", err) {
		return
	}
	var titles []string
	for _, a := range list {
		if r, ok := alerts.RuleNamed(a.Rule); ok && a.State == alerts.Firing {
			titles = append(titles, r.Title)
		}
	}
	if titles = slices.Compact(titles); len(titles) > 0 {
		x.add(finding.Doubt("alerts", "ingle alert list, or the console's page Alerts, says more of each.", "These fire: %s.", strings.Join(titles, "; ")))
		return
	}
	x.add(finding.Well("alerts", "None fires."))
}
