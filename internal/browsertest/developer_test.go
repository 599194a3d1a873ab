package browsertest

import "testing"

// A developer registers an app, launches it through the simulator, reads in the trace
// that the redirect is broken, and fixes it.
func developer(t testing.TB, b *browser, s *server) {
	d := newDiary(t, s)
	p := b.person(t, s, "brandt").visit("/").press("Developers")
	p.visit("/developers/new")
	p.fill("Name", "Pulse diary").fill("Addresses that it is led back to", d.host+"/elsewhere").fill("Address at which it is launched", d.host+"/launch")
	p.fill("Scopes that it may ask for", "launch patient/Observation.rs").press("Register").see("Pulse diary", "client_id", "curl", "fhirclient", "Python")
	d.id, _ = p.eval(`() => [...document.querySelectorAll("dl.facts dt")].find(e => e.innerText === "client_id").nextElementSibling.innerText.trim()`).(string)

	p.visit("/developers/app/" + d.id + "/launch").see("Launch simulator")
	p.eval(`() => { document.querySelector("#patient").value = "maria" }`)
	p.press("Start and launch").see("Ready to launch")
	launched := p.launch("Launch Pulse diary")
	launched.see("redirect")
	if launched.has("button[name=allow]") {
		launched.fatalf("the redirect is not broken")
	}
	p.visit("/developers/app/"+d.id+"/trace").see("What is wrong", "redirect", "How to set it right", "Register this address")
	p.press("Register this address")

	p.visit("/developers/app/" + d.id + "/launch")
	p.eval(`() => { document.querySelector("#patient").value = "maria" }`)
	p.press("Start and launch")
	p.launch("Launch Pulse diary").pick("button[name=allow]").see("Back at the diary")
	d.allowed(t)
	if status, _ := d.curl(t, "/Observation?patient=maria&code=4548-4"); status != "200" {
		t.Errorf("the app reads nothing: %s", status)
	}
	p.reload("/developers/app/"+d.id+"/trace", "Observation")
	p.reload("/developers/app/"+d.id+"/requests", "Observation")
}

// launch follows a link into another tab, as its target says.
func (p *tab) launch(link string) *tab {
	p.t.Helper()
	e := p.find(link, `name => [...document.querySelectorAll("main a[target=_blank]")].find(e => e.innerText.trim() === name)`)
	address, err := e.Property("href")
	if err != nil {
		p.fatalf("%v", err)
	}
	return p.another().visit(address.Str())
}
