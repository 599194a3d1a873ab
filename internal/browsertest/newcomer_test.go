package browsertest

import (
	"net/url"
	"os/exec"
	"testing"
)

// A newcomer signs in, registers an app, launches it standalone, reads with its token, and
// revokes that.
func newcomer(t *testing.T, b *browser, s *server) {
	d := newDiary(t, s)
	p := b.person(t, s, "brandt").visit("/developers/new")
	p.fill("Name", "First steps").fill("Addresses that it is led back to", d.redirect)
	p.fill("Scopes that it may ask for", "openid launch/patient patient/Observation.rs").press("Register").see("First steps", "client_id")
	d.id, _ = p.eval(`() => [...document.querySelectorAll("dl.facts dt")].find(e => e.innerText === "client_id").nextElementSibling.innerText.trim()`).(string)

	app := p.another().visit(d.ask("openid launch/patient patient/Observation.rs")).see("Choose a patient")
	app.fill("Name", "Delgado")
	app.press("Search").fill("Maria", "maria").press("Go on").see("Allow", "First steps", "Maria")
	app.pick("button[name=allow]").see("Back at the diary")
	d.allowed(t)

	if status, body := d.curl(t, "/Observation?patient=maria&code=4548-4&_count=1"); status != "200" {
		t.Fatalf("the app reads nothing: %s %s", status, body)
	}
	if status, _ := d.curl(t, "/Observation?patient=walter"); status != "200" {
		t.Errorf("another patient's: %s", status)
	}
	if status, _ := d.curl(t, "/Condition?patient=maria"); status != "403" {
		t.Errorf("what was not asked for: %s", status)
	}
	form := url.Values{"token": {d.token}, "client_id": {d.id}}.Encode()
	if out, err := exec.CommandContext(t.Context(), "curl", "-s", "-w", "%{http_code}", "-d", form, s.url+"/auth/revoke").Output(); err != nil || string(out) != "200" {
		t.Fatalf("it is not revoked: %s %v", out, err)
	}
	if status, _ := d.curl(t, "/Observation?patient=maria"); status != "401" {
		t.Errorf("the app still reads: %s", status)
	}
}
