package console_test

import (
	"context"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
)

func TestAdministratorsSeeJobsAndEndThem(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	root.get("/console/jobs").Want(200).Has("There was none yet")
	o.enter("vera").get("/console/jobs").Want(403)
	o.Put(`{"resourceType":"Patient","id":"ann"}`)
	exports := bulkjob.NewExports(bulkjob.Exporter{Door: o.Door, Sessions: records.OpenSessions{}, Files: bulkjob.Folder(t.TempDir())}, time.Hour, nil)
	at, now, err := o.Door.Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request := bulkjob.Request{At: at, Time: now, Level: bulkjob.Group, Group: "g", For: records.Standing{Client: "c", Name: "Night <b>reports"}}
	id, err := exports.Start(context.WithoutCancel(t.Context()), request) // nobody works on it
	if err != nil {
		t.Fatal(err)
	}
	root.get("/console/jobs").Want(200).Has("Bulk export", "waits", "of Group/g: 0%", "Night <b>reports", "Cancel").Lacks("<b>reports")
	root.fill("/console/jobs", "/console/jobs/cancel", "job", "none").Want(404)
	root.fill("/console/jobs", "/console/jobs/cancel", "job", id).Want(200).Has("It is ended", "cancelled").Lacks("Cancel<")
	if _, err := exports.Find(t.Context(), id); err == nil {
		t.Error("the export is still there")
	}
	if err := exports.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	root.get("/console/jobs").Want(200).Lacks("of Group/g")
}
