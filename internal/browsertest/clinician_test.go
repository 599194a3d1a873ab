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
	p.write("#q", "delgado")
	p.element("[role=option]")
	p.leads(func() { p.click("Maria") })
	p.see("Allergies", "Problems", "Medications", "Maria", "Delgado")
	chart := p.address()

	p.press("Hemoglobin A1c").see("reference", "Values as a table")
	p.visit(chart)

	window := p.another().visit(chart)
	window.see("Maria")
	p.press("Cardiovascular risk")
	app := p.framedApp()
	app.see("Cardiovascular risk", "PREVENT", "10 years")
	p.see("Maria") // the chart's banner stays

	p.visit(chart).press("vital sign")
	p.fill("What was measured", "Heart rate").fill("Value", "not a number")
	p.press("Add to the chart").see("There is a problem", "A value is a number")
	p.fill("Value", "87").press("Add to the chart").see("87")
	window.see("The chart has changed", "87")
}

// framedApp is the app in the chart's frame, which is allowed what it asks for, if the
// server asks.
func (p *tab) framedApp() *tab {
	p.t.Helper()
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		f := p.frame("iframe.app") // anew: each document of a frame is another one
		got, err := f.page.Timeout(time.Second).Eval(`() => location.href + " " + document.readyState + (document.querySelector("button[name=allow]") ? " asks" : "")`)
		if err != nil {
			last = err // between two documents
			continue
		}
		switch at := got.Value.Str(); {
		case strings.HasSuffix(at, "complete asks"):
			// Once in each document, which may have gone meanwhile: the next round tells.
			_, last = f.page.Timeout(time.Second).Eval(`() => { window.pressed || document.querySelector("button[name=allow]").click(); window.pressed = true }`)
		case strings.HasPrefix(at, "http") && !strings.HasPrefix(at, p.site) && strings.HasSuffix(at, "complete"):
			return f
		}
	}
	p.fatalf("the app does not come: %v", last)
	return nil
}
