package browsertest

import (
	"strings"
	"testing"
)

// A patient sees an app's access, narrows it, the app loses that data at once, what it read
// by curl stands under who looked, and the app is ended.
func patient(t *testing.T, b *browser, s *server) {
	d := newDiary(t, s)
	d.id = "diary"
	s.run(t, "client", "add", "Sugar diary", "--id", d.id, "--redirect", d.redirect)
	p := b.person(t, s, "maria")
	p.visit(d.ask("launch/patient offline_access patient/Observation.rs patient/Condition.rs"))
	for !strings.HasPrefix(p.address(), d.redirect) {
		p.pick("form[method=post] button[name=allow], main form[method=post] button:not([name])")
	}
	d.allowed(t)
	if status, body := d.curl(t, "/Observation?patient=maria&code=4548-4"); status != "200" || !strings.Contains(body, "4548-4") {
		t.Fatalf("the app reads nothing: %s %s", status, body)
	}

	p.visit("/").press("Portal").see("Maria")
	p.press("My apps").see("Sugar diary")
	p.press("Sugar diary").see("What it may see")
	p.strike(p.element(`input[name=scope][value="patient/Observation.rs"]`), "what the app loses")
	p.press("Narrow its access").see("may use less from now on")
	if status, body := d.curl(t, "/Observation?patient=maria&code=4548-4"); status != "403" {
		t.Errorf("the app still reads: %s %s", status, body)
	}
	if status, body := d.curl(t, "/Condition?patient=maria"); status != "200" {
		t.Errorf("the app has lost what it was left: %s %s", status, body)
	}

	p.press("Who looked").see("Sugar diary", "refused")
	p.find("an event of the app", `() => [...document.querySelectorAll("tbody tr")].find(e => e.innerText.includes("Sugar diary"))?.querySelector("a")`)
	p.leads(func() {
		p.eval(`() => [...document.querySelectorAll("tbody tr")].find(e => e.innerText.includes("Sugar diary")).querySelector("a").click()`)
	})
	p.see("Sugar diary", "Download the proof")

	p.press("My apps").press("Sugar diary").answerYes()
	p.press("End the access of Sugar diary").see("can use nothing any more")
	if status, body := d.curl(t, "/Condition?patient=maria"); status != "401" {
		t.Errorf("the app still reads: %s %s", status, body)
	}
}
