package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fhir"
)

var healthTemplate = pages.Parse(files, "health.html", "page/overview.html")

// check is one thing that can be well or not.
type check struct {
	Name  string
	State pages.Tag
	Words string
	Link  *pages.Item
}

var well = pages.Tag{Kind: "good", Text: "well"}

// lowDisk is how many free bytes are few.
const lowDisk = 2 << 30

// checks are how the place is, the troubles told as they are found.
func (v *visit) checks() ([]check, error) {
	ctx := v.R.Context()
	database := check{Name: "Database", State: well, Words: v.room.Database + " answers and can be written."}
	if err := v.Door.Ping(ctx); err != nil {
		database.State, database.Words = pages.Tag{Kind: "bad", Text: "trouble"}, pages.Sentence(err.Error())
	}
	all := []check{database}
	if v.Door.ReadOnly() {
		all = append(all, check{Name: "Downtime", State: pages.Tag{Kind: "warn", Text: "read-only"}, Words: "Records are read; every write of them is refused."})
	}
	if v.room.Disk != nil {
		all = append(all, v.disk())
	}
	log, err := v.auditCheck()
	if err != nil {
		return nil, err
	}
	index, err := v.indexCheck()
	if err != nil {
		return nil, err
	}
	labels, err := v.labelCheck()
	if err != nil {
		return nil, err
	}
	jobs, err := v.jobsCheck()
	if err != nil {
		return nil, err
	}
	backup, err := v.backupCheck()
	if err != nil {
		return nil, err
	}
	subscriptions, err := v.subscriptionCheck()
	if err != nil {
		return nil, err
	}
	fires, err := v.alertCheck()
	return append(all, log, index, labels, jobs, subscriptions, backup, fires), err
}

func (v *visit) disk() check {
	c := check{Name: "Disk", State: well}
	free, err := v.room.Disk()
	switch {
	case err != nil:
		c.State, c.Words = pages.Tag{Kind: "warn", Text: "unknown"}, pages.Sentence(err.Error())
	case free < lowDisk:
		c.State, c.Words = pages.Tag{Kind: "bad", Text: "low"}, humanize.IBytes(free)+" are free where records are kept: make room."
	default:
		c.Words = humanize.IBytes(free) + " are free where records are kept."
	}
	return c
}

// auditCheck says whether events are numbered, signed and copied as they come.
func (v *visit) auditCheck() (check, error) {
	c := check{Name: "Audit log", State: well, Link: &pages.Item{Name: "Search it", Address: v.Path(Path + "/audit")}}
	log := v.Door.Audit()
	if log == nil {
		return check{Name: "Audit log", State: pages.Tag{Kind: "bad", Text: "none"}, Words: "Nothing is recorded."}, nil
	}
	s, err := log.State(v.R.Context())
	if err != nil {
		return c, err
	}
	c.Words = fmt.Sprintf("%s, %s more to be numbered and signed within a second.", pages.Count(s.Events, "event"), pages.Number(s.Waiting))
	for _, one := range s.Copies {
		words := fmt.Sprintf(" The copy to %s lacks %s.", one.Name, pages.Count(one.Behind, "event"))
		if one.Away {
			c.State, words = pages.Tag{Kind: "warn", Text: "copy is away"}, words+" It cannot be reached; it goes on where it was."
		}
		c.Words += words
	}
	if err := log.Health(); err != nil {
		c.State, c.Words = pages.Tag{Kind: "bad", Text: "full"}, "The disk of the audit log is full: only treatment goes on, with a reserve. Make room."
	}
	return c, nil
}

func (v *visit) indexCheck() (check, error) {
	c := check{Name: "Search index", State: well, Words: "Every search parameter has all its rows."}
	if v.administers() {
		c.Link = &pages.Item{Name: "Packages and parameters", Address: v.Path(Path + "/packages")}
	}
	lacking, err := v.Door.Incomplete(v.R.Context())
	if len(lacking) > 0 {
		c.State, c.Words = pages.Tag{Kind: "warn", Text: "being made"}, pages.Count(len(lacking), "search parameter")+" lack rows, so that searches by them are refused until they have them."
		if slices.ContainsFunc(lacking, isStuck) {
			c.State = pages.Tag{Kind: "bad", Text: "stuck"}
		}
	}
	return c, err
}

func (v *visit) labelCheck() (check, error) {
	c := check{Name: "Sensitivity labels", State: well, Words: "All resources are labelled by the rules in force."}
	l, err := v.Door.Labeling(v.R.Context())
	switch {
	case l.Error != "":
		c.State, c.Words = pages.Tag{Kind: "bad", Text: "failed"}, pages.Sentence(l.Error)
	case l.Pending:
		c.State, c.Words = pages.Tag{Kind: "warn", Text: "being made"}, fmt.Sprintf("%s of %s resources are labelled by the rules in force.", pages.Number(l.Progress.Read), pages.Number(l.Progress.Total))
	case len(l.Problems) > 0:
		c.State, c.Words = pages.Tag{Kind: "warn", Text: "incomplete"}, pages.Count(len(l.Problems), "value set")+" of the rules have no codes."
	}
	return c, err
}

// jobsShown is how many jobs a page lists.
const jobsShown = 50

// job is background work as the page shows it.
type job struct {
	Kind           string
	State          pages.Tag
	Created, Ended time.Time
	Attempt        int
	Error          string
}

var jobStates = map[string]pages.Tag{
	"ready": {Kind: "info", Text: "waits"}, "running": {Kind: "info", Text: "runs"}, "done": {Kind: "good", Text: "done"}, "failed": {Kind: "bad", Text: "failed"}, "cancelled": {Text: "cancelled"},
}

func (v *visit) jobs() (all []job, err error) {
	list, err := v.Door.Jobs().ListJobs(v.R.Context(), "", jobsShown)
	for _, j := range list {
		all = append(all, job{Kind: cmp.Or(jobKinds[j.Kind], j.Kind), State: jobStates[string(j.State)], Created: j.Created, Ended: j.Ended, Attempt: j.Attempt, Error: j.Error})
	}
	return all, err
}

func (v *visit) jobsCheck() (check, error) {
	c := check{Name: "Background work", State: well, Words: "None of the last jobs failed."}
	list, err := v.jobs()
	failed := slices.DeleteFunc(list, func(j job) bool { return j.State.Kind != "bad" })
	if len(failed) > 0 {
		c.State, c.Words = pages.Tag{Kind: "bad", Text: "failed"}, pages.Count(len(failed), "job")+" failed of late: "+failed[0].Kind+"."
		c.Link = &pages.Item{Name: "The last of it", Address: v.Path(Path+"/health") + "#jobs"}
	}
	if v.administers() {
		c.Link = &pages.Item{Name: "All jobs", Address: v.Path(Path + "/jobs")}
	}
	return c, err
}

// oldBackup is how old the last backup may be.
const oldBackup = 8 * 24 * time.Hour

func (v *visit) backupCheck() (check, error) {
	c := check{Name: "Backup", State: well}
	last, err := v.Door.LastBackup(v.R.Context())
	switch age := v.Now.Sub(last.Taken); {
	case last.Taken.IsZero():
		c.State, c.Words = pages.Tag{Kind: "warn", Text: "none"}, "None was taken by ingle backup, or by ingle serve with --backup-to."
	case age > oldBackup:
		c.State = pages.Tag{Kind: "warn", Text: "old"}
		fallthrough
	default:
		c.Words = fmt.Sprintf("The last one was taken %s: %s.", humanize.RelTime(last.Taken, v.Now, "ago", "from now"), last.To)
	}
	return c, err
}

// kept is how many resources of a type there are.
type kept struct {
	Type  fhir.Type
	Count int64
}

// health shows how the program, its database and its work are.
func (v *visit) health() error {
	page := struct {
		pages.Frame
		Version, Up string
		Checks      []check
		Jobs        []job
		Resources   int64
		Types       []kept
	}{Frame: v.frame("Health", Path+"/health", pages.Wide), Version: v.room.Version}
	page.Up = strings.TrimSpace(humanize.RelTime(v.room.Begun, v.Now, "", ""))
	var err error
	if page.Checks, err = v.checks(); err != nil {
		return err
	}
	if page.Jobs, err = v.jobs(); err != nil {
		return err
	}
	stats, err := v.Door.Stats(v.R.Context())
	if err != nil {
		return err
	}
	for t, n := range stats {
		page.Types = append(page.Types, kept{t, n})
		page.Resources += n
	}
	slices.SortFunc(page.Types, func(a, b kept) int { return strings.Compare(string(a.Type), string(b.Type)) })
	return v.Write(http.StatusOK, page.Frame, healthTemplate, page)
}
