package console

import (
	"cmp"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var jobsTemplate = parse("jobs.html")

// jobsListed is how many jobs the page lists.
const jobsListed = 200

// jobKinds are the names of kinds of work for people.
var jobKinds = map[string]string{
	bulkjob.Kind: "Bulk export", intake.Kind: "Import", "index": "Index of search parameters", "reindex": "Reindex", "labels": "Sensitivity labels", "relabel": "Sensitivity labels",
	"erase": "Erasure of a patient", "retain": "Retention rules", "verify": "Verification of the audit log", "tenant": "Tenant made or removed",
}

// listedJob is a job in the list.
type listedJob struct {
	ID, Name, By, Words, Error string
	State                      pages.Tag
	Created, Ended             time.Time
	Attempt                    int
	MayCancel                  bool
}

// cancellable are the kinds of work that somebody asked for, and an administrator may end.
func cancellable(kind string) bool { return kind == bulkjob.Kind || kind == intake.Kind }

// jobList shows the work in the background.
func (v *visit) jobList() error {
	page := struct {
		pages.Frame
		Jobs   []listedJob
		Cancel string
	}{Frame: v.frame("Jobs", Path+"/jobs", pages.Wide), Cancel: v.Path(Path + "/jobs/cancel")}
	list, err := v.Door.Jobs().ListJobs(v.R.Context(), "", jobsListed)
	if err != nil {
		return err
	}
	for _, j := range list {
		one := listedJob{ID: j.ID, Name: cmp.Or(jobKinds[j.Kind], j.Kind), State: jobStates[string(j.State)], Created: j.Created, Ended: j.Ended, Attempt: j.Attempt, Error: j.Error}
		switch j.Kind {
		case bulkjob.Kind:
			one.By, one.Words = bulkjob.Told(j)
		case intake.Kind:
			one.By, one.Words = intake.Told(j)
		}
		one.MayCancel = cancellable(j.Kind) && j.Ended.IsZero()
		page.Jobs = append(page.Jobs, one)
	}
	return v.Write(http.StatusOK, page.Frame, jobsTemplate, page)
}

// cancelJob ends an export or an import.
func (v *visit) cancelJob() error {
	v.Note(audit.Administer, "end of background work")
	ctx, id := v.R.Context(), v.Form.Get("job")
	list, err := v.Door.Jobs().ListJobs(ctx, "", jobsListed)
	if err != nil {
		return err
	}
	for _, j := range list {
		if j.ID != id || !cancellable(j.Kind) {
			continue
		}
		if err := v.Door.CancelJob(ctx, id); err != nil && fault.KindOf(err) != fault.Conflict {
			return err
		}
		return v.done(Path+"/jobs", "cancelled")
	}
	return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such work that could be ended here.")
}
