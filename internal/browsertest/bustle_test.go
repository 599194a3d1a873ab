package browsertest

import (
	"net/http"
	"strings"
	"testing"
)

// bustle has people use the place, so that pages which tell of that have something to
// tell: apps of a developer and of a patient, consents, jobs, subscriptions, limits, holds and an alert.
func bustle(t testing.TB, b *browser, s *server) {
	t.Helper()
	developer(t, b, s)
	d := newDiary(t, s)
	d.id = "diary-of-all"
	s.run(t, "client", "add", "Diary of all", "--id", d.id, "--redirect", d.redirect)
	p := b.person(t, s, "maria").visit(d.ask("launch/patient offline_access patient/Observation.rs patient/Condition.rs"))
	for !strings.HasPrefix(p.address(), d.redirect) {
		p.pick("form[method=post] button[name=allow], main form[method=post] button:not([name])")
	}
	d.allowed(t)
	if status, body := d.curl(t, "/Observation?patient=maria"); status != "200" {
		t.Fatal(status, body)
	}
	active := object{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}}}
	s.fhir(t, "PUT", "/Consent/unclear", object{"resourceType": "Consent", "id": "unclear", "status": "active", "scope": active, "category": []object{{"text": hostile}},
		"policy": []object{{"uri": "https://policy.example"}}, "patient": object{"reference": "Patient/thomas"}, "provision": object{"type": "deny", "code": []object{{"text": hostile}}}})
	for id, channel := range map[string]object{
		"told": {"type": "websocket"},
		"lost": {"type": "rest-hook", "endpoint": "https://127.0.0.1:9/" + strings.Repeat("long-", 40)},
	} {
		s.fhir(t, "PUT", "/Subscription/"+id, object{"resourceType": "Subscription", "id": id, "status": "requested", "reason": hostile, "criteria": "Observation?code=8867-4&patient=Patient/maria", "channel": channel})
	}
	if status, answer := s.send(t, "GET", "/$export?_type=Patient", nil, "Prefer", "respond-async"); status != http.StatusAccepted {
		t.Fatalf("%d: %s", status, answer)
	}

	admin := b.person(t, s, "admin").visit("/console/alerts")
	admin.click("The disk is nearly full")
	admin.fill("Fires below, in MiB", "1000000000").press("Save the limits").see("The limits are saved")
	admin.visit("/console/limits").fill("Limit", "app "+d.id+" requests 2/min burst 2").press("Set it").see("The limit is in force")
	refused := func() bool { status, _ := d.curl(t, "/Condition?patient=maria"); return status == "429" }
	within(t, "the limit holds", refused)
	admin.reload("/console/limits", "Diary of all")
	admin.reload("/console/alerts", "I look after it")
	admin.reload("/console/jobs", "Bulk export")
	admin.reload("/console/subscriptions", "patient=Patient/maria")
	admin.visit("/console/tenants").fill("Name", "east").press("Make the tenant").see("Tenant east")
	admin.reload("/console/tenants/tenant/east", "Suspend the tenant")
	vega := b.person(t, s, "vega").visit("/console/keeping")
	vega.fill("Patient or resource", "Patient/walter").fill("Reason", hostile).press("Hold it").see("It is held")
}
