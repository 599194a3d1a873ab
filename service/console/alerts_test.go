package console_test

import (
	"testing"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/internal/placetest"
)

// fire has a rule fire.
func (o *office) fire(rule, subject string, value float64) {
	o.T.Helper()
	e := o.Door.Alerts().Evaluator(true)
	now := time.Now()
	for range 2 {
		if _, err := e.Evaluate(o.T.Context(), now, alerts.Readings{rule: {{Subject: subject, Value: value}}}); err != nil {
			o.T.Fatal(err)
		}
		now = now.Add(5 * time.Minute)
	}
}

func TestAlertsAreShownAcknowledgedAndSilenced(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	root.get("/console/alerts").Want(200).Has("Nothing fires", "The disk is nearly full", "On a new server 2048.")
	root.get("/console").Want(200).Has("Nothing fires.")
	o.fire(alerts.JobFailed, "export <b>", 3)
	o.fire(alerts.Disk, "", 100)
	root.get("/console").Want(200).Has("2 alerts that nobody looks after")
	root.get("/console/alerts").Want(200).Has("A job failed: export <b>", "3, limit 0", "100 MiB, limit 2048 MiB", "What to do:", "Make room where records are kept",
		`<details class="rule" id="rule-disk"><summary><b>The disk is nearly full</b> <span class="soft">below 2048 MiB</span> <span class="tag bad">fires</span>`).Lacks("export <b>", "<details open")
	act := func(what string, pairs ...string) placetest.Answer {
		return root.fill("/console/alerts", "/console/alerts/"+what, pairs...)
	}
	act("acknowledge", "alert", "disk/").Want(200).Has("You look after it", "Rut looks after it.")
	act("acknowledge", "alert", "disk/none").Want(404)
	act("silence", "alert", "disk/", "for-disk%2F", "8h").Want(200).Has("Saved. It is shown here all the same.", "silenced", "Rut had it silenced until")
	act("silence", "alert", "disk/", "for-disk%2F", "for ever").Want(400)
	act("silence", "alert", "disk/", "for-disk%2F", "100000h").Want(422)
	list, err := o.Door.Alerts().List(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for _, a := range list {
		if a.Rule == alerts.Disk && (a.By != "Rut" || a.Silenced.Before(time.Now().Add(7*time.Hour))) {
			t.Errorf("%+v", a)
		}
	}
	o.fire(alerts.Disk, "", 1e6)
	root.get("/console/alerts").Want(200).Has("What is resolved", "The disk is nearly full")
	vera := o.enter("vera")
	vera.get("/console/audit").Want(200).Has("alert acknowledged: disk/", "alert silenced: disk/")
	o.enter("noor").get("/console/alerts").Want(403)
}

func TestLimitsOfAlertsAreTheAdministrators(t *testing.T) {
	o := newOffice(t)
	root, vera := o.enter("root"), o.enter("vera")
	save := func(v visitor, pairs ...string) placetest.Answer {
		return v.fill("/console/alerts", "/console/alerts/rules", pairs...)
	}
	save(root, "limit-disk", "much").Want(422).Has(`href="#limit-disk"`, `value="much"`, `<details class="rule" id="rule-disk" open>`)
	save(root, "limit-errors", "101").Want(422)
	save(root, "limit-disk", "4096", "limit-errors", "5", "off-errors", "1").Want(200).Has("The limits are saved", `value="4096"`, "On a new server 2048.")
	rules, err := o.Door.Alerts().Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if r.Name == alerts.Disk && r.Limit != 4096 || r.Off != (r.Name == alerts.Errors) {
			t.Errorf("%+v", r)
		}
	}
	vera.get("/console/alerts").Want(200).Has("below 4096 MiB", "never: it is switched off").Lacks("Save the limits")
	vera.fill("/console/keeping", "/console/alerts/rules", "limit-disk", "1").Want(403)
}
