package clinic_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

func TestEntriesAreStoredWithWhoMadeThem(t *testing.T)           { entriesAreStored(t) }
func TestEntriesAreStoredWithWhoMadeThemPostgreSQL(t *testing.T) { entriesAreStored(t) }

func entriesAreStored(t *testing.T) {
	w := newWard(t)
	w.sick()
	b := w.as("noor")
	add := func(kind string, pairs ...string) {
		t.Helper()
		at := "/clinic/patient/ann/add/" + kind
		b.follow(b.send(at, at+"?encounter=visit", pairs...)).Want(200).Has("is recorded.")
	}
	add("vital", "kind", "blood-pressure", "value", "131/82", "when", "2026-03-01 08:30", "remark", "sitting")
	add("vital", "kind", "temperature", "value", "37,9")
	add("note", "type", "11506-3", "text", "Better <today>")
	add("problem", "text", "Hay fever", "code", "21719001", "severity", "255604002", "when", "2026-02-01")
	add("order", "kind", "laboratory", "text", "Hemoglobin A1c", "priority", "urgent", "when", "2026-03-02")
	add("order", "kind", "medication", "text", "Cetirizine 10 mg", "dose", "One a day", "priority", "routine")
	add("task", "text", "Call the patient", "owner", "me", "priority", "routine", "when", "2026-03-05")
	b.Get("/clinic/patient/ann").Want(200).Has("131/82 mmHg", "37.9 °C", "Hay fever", "Hemoglobin A1c", "urgent", "Cetirizine 10 mg", "Task: Call the patient", "due 5 March 2026", "Progress note")
	for _, o := range w.found("Observation") {
		if o.At("code").Has("http://loinc.org", "85354-9") && o.Text("effectiveDateTime") == "2026-03-01T08:30:00Z" {
			if o.Text("encounter", "reference") != "Encounter/visit" || o.Text("performer", "reference") != "Practitioner/noor" || o.Text("component", "valueQuantity", "value") != "131" {
				t.Error(o.JSON())
			}
		}
	}
	told := w.found("Provenance")
	if len(told) != 7 || told[0].Text("agent", "who", "reference") != "Practitioner/noor" || told[0].Text("target", "reference") == "" {
		t.Error(len(told), told)
	}
	for _, d := range w.found("DocumentReference") {
		if d.Text("id") == "d" {
			continue
		}
		if text, err := base64.StdEncoding.DecodeString(d.Text("content", "attachment", "data")); err != nil || string(text) != "Better <today>" {
			t.Error(string(text), err)
		}
		b.Get("/clinic/patient/ann/document/" + d.Text("id")).Want(200).Has("Better <today>")
	}
}

func TestAnEntryThatIsWrongIsToldAtTheField(t *testing.T) {
	w := newWard(t)
	b := w.as("noor")
	for _, c := range []struct {
		kind  string
		pairs []string
		field string
		want  string
	}{
		{"vital", []string{"kind", "heart-rate", "value", "fast"}, "value", "A value is a number"},
		{"vital", []string{"kind", "heart-rate", "value", "7200"}, "value", "between 10 and 350"},
		{"vital", []string{"kind", "heart-rate", "value", ""}, "value", "A value is a number"},
		{"vital", []string{"kind", "blood-pressure", "value", "120"}, "value", "two values"},
		{"vital", []string{"kind", "mood", "value", "1"}, "kind", "Choose what was measured"},
		{"vital", []string{"kind", "weight", "value", "70", "when", "2027-01-01 10:00"}, "when", "has not happened yet"},
		{"vital", []string{"kind", "weight", "value", "70", "when", "soon"}, "when", "A time looks like"},
		{"note", []string{"type", "11506-3", "text", "  "}, "text", "Write the note"},
		{"note", []string{"type", "1", "text", "x"}, "type", "Choose what kind"},
		{"problem", []string{"text", ""}, "text", "Say what the problem is"},
		{"problem", []string{"text", "x", "code", "abc"}, "code", "6 to 18 digits"},
		{"problem", []string{"text", "x", "severity", "1"}, "severity", "Choose one"},
		{"problem", []string{"text", "x", "when", "1.2.2020"}, "when", "A date looks like"},
		{"order", []string{"kind", "medication", "text", "x"}, "dose", "how a medication is taken"},
		{"order", []string{"kind", "parking", "text", "x"}, "kind", "Choose what is ordered"},
		{"task", []string{"text", "", "owner", "me"}, "text", "to be done"},
		{"task", []string{"text", "x", "owner", "me", "priority", "high"}, "priority", "Choose one"},
	} {
		at := "/clinic/patient/ann/add/" + c.kind
		page := b.send(at, at, c.pairs...).Want(422).Has(c.want, `href="#`+c.field+`"`, `id="`+c.field+`-error"`)
		for i := 0; i < len(c.pairs); i += 2 {
			if v := strings.TrimSpace(c.pairs[i+1]); v != "" && c.kind != "note" && c.pairs[i] != "kind" && c.pairs[i] != "type" && c.pairs[i] != "severity" && c.pairs[i] != "owner" && c.pairs[i] != "priority" {
				page.Has(`value="` + v) // what was typed is still there
				break
			}
		}
	}
	if n := len(w.found("Observation")) + len(w.found("Condition")) + len(w.found("Task")); n != 0 {
		t.Errorf("%d were stored", n)
	}
	b.Get("/clinic/patient/ann/add/nothing").Want(404)
}

func TestAFormThatIsSentTwiceAddsOne(t *testing.T) {
	w := newWard(t)
	b := w.as("noor")
	form := b.Get("/clinic/patient/ann/add/vital").Hidden()
	form.Set("kind", "weight")
	form.Set("value", "70.5")
	for range 2 {
		b.Do("POST", "/clinic/patient/ann/add/vital", form).Want(303)
	}
	if n := len(w.found("Observation")); n != 1 {
		t.Errorf("%d observations", n)
	}
}

func TestAFormFromElsewhereIsRefused(t *testing.T) {
	w := newWard(t)
	b, other := w.as("noor"), w.as("noor")
	app := w.launchable("App", "http://127.0.0.1:1")
	token := other.Get("/clinic/patient/ann/add/vital").Hidden().Get("token")
	for _, path := range []string{"/clinic/patient/ann/add/vital", "/clinic/patient/ann/launch", "/clinic/patient/ann/glass", "/clinic/emergency"} {
		form := url.Values{"kind": {"weight"}, "value": {"70"}, "app": {app.ID}, "patient": {"ann"}, "reason": {"brought in unconscious"}}
		b.Do("POST", path, form).Want(403).Has("not sent from its own page")
		form.Set("token", token)
		b.Do("POST", path, form).Want(403)
		form.Set("token", b.Get("/clinic/patient/ann/add/vital").Hidden().Get("token"))
		b.Do("POST", path, form, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").Want(403)
	}
	if n := len(w.found("Observation")); n != 0 {
		t.Errorf("%d observations", n)
	}
	b.Do("GET", "/account/sign-out", nil)
	w.browser().Do("POST", "/clinic/patient/ann/add/vital", url.Values{"kind": {"weight"}, "value": {"70"}}).Want(401)
}

func TestARoleDecidesWhoAdds(t *testing.T) {
	w := newWard(t)
	desk := w.as("desk")
	desk.send("/clinic/patient/ann/add/vital", "/clinic/patient/ann/add/vital", "kind", "weight", "value", "70").Want(422).Has("Your role does not allow adding this.")
	ines := w.as("ines")
	ines.send("/clinic/patient/ann/add/vital", "/clinic/patient/ann/add/vital", "kind", "weight", "value", "70").Want(303)
	if all := w.found("Observation"); len(all) != 1 || all[0].Text("performer", "display") != "Ines" {
		t.Error(all)
	}
}

func TestInADowntimeChartsShowAndNothingIsWritten(t *testing.T) {
	w := newWard(t)
	w.sick()
	b := w.as("noor")
	form := b.Get("/clinic/patient/ann/add/vital").Want(200)
	w.Door.SetReadOnly(true)
	b.Get("/clinic/patient/ann").Want(200).Has("Read-only downtime", "Penicillin").Lacks("/add/vital")
	b.Get("/clinic").Want(200).Has("Read-only downtime")
	b.Get("/clinic/patient/ann/add/vital").Want(200).Has("nothing can be added now").Lacks("Add to the chart")
	values := form.Hidden()
	values.Set("kind", "weight")
	values.Set("value", "70")
	b.Do("POST", "/clinic/patient/ann/add/vital", values).Want(422).Has("Read-only downtime: charts can be read, nothing can be added or changed.")
	w.Door.SetReadOnly(false)
	b.Do("POST", "/clinic/patient/ann/add/vital", values).Want(303)
}
