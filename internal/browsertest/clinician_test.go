package browsertest

import (
	"strings"
	"testing"
	"time"
)

// A clinician finds a patient, sees a trend, launches the risk app in the chart, adds an
// observation and sees it arrive in a second window.
func clinician(t *testing.T, b *browser, s *server) {
	p := b.somebody(t, s).visit("/").press("Enter as Dr. Okafor")
	p.see("Find a patient")

	// From an unknown name to allergies, problems and medications: type, choose.
	begin := time.Now()
	p.write("#q", "delgado")
	p.element("[role=option]")
	p.leads(func() { p.click("Maria") })
	p.see("Allergies", "Problems", "Medications", "Maria", "Delgado")
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("two actions took %s", took)
	}
	chart := p.address()

	p.press("Hemoglobin A1c").see("reference", "Values as a table")
	p.visit(chart)

	window := p.another().visit(chart)
	window.see("Maria")
	p.press("Cardiovascular risk")
	app := p.frame("iframe.app")
	app.throughConsent()
	app.see("Cardiovascular risk (PREVENT 2023)", "Inputs", "What each input does")
	p.see("Maria") // the chart's banner stays

	p.visit(chart).press("vital sign")
	p.fill("What was measured", "Heart rate").fill("Value", "not a number")
	p.press("Add to the chart").see("There is a problem", "A value is a number")
	p.fill("Value", "87").press("Add to the chart").see("87")
	window.see("The chart has changed", "87")
}

// throughConsent allows what an app asks for, if the server asks.
func (p *tab) throughConsent() {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		got, err := p.page.Timeout(patience).Eval(`() => location.href + " " + (document.querySelector("button[name=allow]") ? "asks" : "") + " " + document.readyState`)
		if err != nil {
			continue // between two pages
		}
		at := got.Value.Str()
		if strings.Contains(at, " asks") {
			p.pick("button[name=allow]")
			return
		}
		if !strings.HasPrefix(at, p.site) && strings.HasSuffix(at, "complete") && !strings.HasPrefix(at, "about:") {
			return
		}
	}
	p.fatalf("the app does not come")
}
