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
	root.get("/console/jobs").want(200).has("There was none yet")
	o.enter("vera").get("/console/jobs").want(403)
	o.put(`{"resourceType":"Patient","id":"ann"}`)
	exports := bulkjob.NewExports(bulkjob.Exporter{Door: o.door, Sessions: records.OpenSessions{}, Files: bulkjob.Folder(t.TempDir())}, time.Hour, nil)
	at, now, err := o.door.Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request := bulkjob.Request{At: at, Time: now, Level: bulkjob.Group, Group: "g", For: records.Standing{Client: "c", Name: "Night <b>reports"}}
	id, err := exports.Start(context.WithoutCancel(t.Context()), request) // nobody works on it
	if err != nil {
		t.Fatal(err)
	}
	root.get("/console/jobs").want(200).has("Bulk export", "waits", "of Group/g: 0%", "Night <b>reports", "Cancel").lacks("<b>reports")
	root.fill("/console/jobs", "/console/jobs/cancel", "job", "none").want(404)
	root.fill("/console/jobs", "/console/jobs/cancel", "job", id).want(200).has("It is ended", "cancelled").lacks("Cancel<")
	if _, err := exports.Find(t.Context(), id); err == nil {
		t.Error("the export is still there")
	}
	if err := exports.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	root.get("/console/jobs").want(200).lacks("of Group/g")
}
