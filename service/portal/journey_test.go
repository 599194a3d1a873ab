package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/audit"
)

const sugar = `{"resourceType":"Observation","id":"sugar","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],` +
	`"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"2026-01-02T08:00:00Z","valueQuantity":{"value":7.4,"unit":"%","system":"http://unitsofmeasure.org","code":"%"},"referenceRange":[{"low":{"value":4.0,"unit":"%"},"high":{"value":5.6,"unit":"%"}}]}`

const diabetes = `{"resourceType":"Condition","id":"diabetes","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"44054006","display":"Diabetes mellitus type 2"}]},"subject":{"reference":"Patient/ann"},"onsetDateTime":"2018-06"}`

// A patient sees what an app may do, narrows it, the app loses the data at once, its
// read stands under who looked with a proof that holds, and the app is ended.
func TestAPatientNarrowsAnAppFindsItsReadAndEndsIt(t *testing.T) {
	t.Run("SQLite", narrowsFindsAndEnds)
	t.Run("PostgreSQL", narrowsFindsAndEnds)
}

func narrowsFindsAndEnds(t *testing.T) {
	p := newPlace(t)
	p.Put(sugar, diabetes)
	ann := p.visit("ann")
	ann.get("/portal/ann/apps").want(200).has("No app may use this record")
	c, token := ann.app("ann", "openid", "launch/patient", "offline_access", "patient/Observation.rs", "patient/Condition.cruds")
	p.fhir(token, "Observation/sugar").want(200)
	p.fhir(token, "Observation?patient=ann").want(200).has(`"total":1`)
	p.seen()
	ann.get("/portal/ann").want(200).has("1 app may see this record", "Who looked last")
	ann.get("/portal/ann/apps").want(200).has("Growth Chart", "See test results and measurements", "See, add, change and delete health problems and diagnoses",
		"2 entries of records in 2 requests", "also while you are signed out", "UTC").lacks("not yet, as far as the log tells")
	at := "/portal/ann/apps/" + c.ID
	ann.get(at).want(200).has("vital signs, such as blood pressure and weight", "Only look", "End the access of Growth Chart")

	ann.send(at, "do", "narrow").want(http.StatusUnprocessableEntity).has("Choose at least one kind of data")
	ann.send(at, "do", "narrow", "scope", "patient/Condition.cruds", "scope", "offline_access", "only", "1").want(http.StatusSeeOther)
	p.fhir(token, "Observation/sugar").want(http.StatusForbidden)
	p.fhir(token, "Condition?patient=ann").want(200).has(`"total":1`)
	ann.get(at+"?done=narrowed").want(200).has("may use less from now on", "See health problems and diagnoses").lacks("See test results and measurements", "add, change", "Only look")

	looked := ann.get("/portal/ann/looked?agent="+c.ID).want(200).has("You", "with Growth Chart", "Saw test results and measurements", "as the patient asked", "Only Growth Chart")
	ann.get("/portal/ann/looked?agent=" + c.ID + "&refused=1").want(200).has("refused")
	_, rest, ok := strings.Cut(looked.Body, `href="/portal/ann/looked/log.`)
	if !ok {
		t.Fatal(looked.says())
	}
	id, _, _ := strings.Cut(rest, `"`)
	ann.get("/portal/ann/looked/log."+id).want(200).has("Download the proof", "ingle audit proof --check log."+id+".proof.json", "Signs in as ann")
	proof := ann.get("/portal/ann/looked/log." + id + "/proof").want(200)
	if e, err := audit.CheckProof([]byte(proof.Body), nil); err != nil || e.Agent.Client != c.ID {
		t.Errorf("the proof says %+v: %v", e, err)
	}
	if got := proof.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("the proof is no file: %s", got)
	}

	ann.send(at, "do", "end").want(http.StatusSeeOther)
	p.fhir(token, "Condition?patient=ann").want(http.StatusUnauthorized)
	ann.get("/portal/ann/apps?done=ended").want(200).has("can use nothing any more", "No app may use this record")
	ann.get(at).want(http.StatusNotFound).has("may not use the record")
}

func TestAPartOfAScopeIsLeftToAnApp(t *testing.T) {
	p := newPlace(t)
	p.Put(sugar, diabetes)
	ann := p.visit("ann")
	c, token := ann.app("ann", "patient/*.rs")
	ann.send("/portal/ann/apps/"+c.ID, "do", "narrow", "scope", "patient/Condition.rs", "scope", "patient/Device.rs").want(http.StatusSeeOther)
	p.fhir(token, "Condition?patient=ann").want(200).has(`"total":1`)
	p.fhir(token, "Observation?patient=ann").want(http.StatusForbidden)
	// What was never allowed cannot be had by the form.
	ann.send("/portal/ann/apps/"+c.ID, "do", "narrow", "scope", "patient/Condition.rs", "scope", "patient/*.cruds").want(http.StatusSeeOther)
	p.fhir(token, "Observation?patient=ann").want(http.StatusForbidden)
	ann.send("/portal/ann/apps/"+c.ID, "do", "narrow", "scope", "patient/Condition.rs").want(http.StatusSeeOther)
	if got := ann.send("/portal/ann/apps/"+c.ID, "do", "narrow", "scope", "patient/Condition.rs").want(http.StatusSeeOther).Header.Get("Location"); !strings.HasSuffix(got, "done=same") {
		t.Error(got)
	}
}

// One app is one app, however often and on however many devices it was allowed.
func TestAllGrantsOfAnAppAreNarrowedAndEndedTogether(t *testing.T) {
	p := newPlace(t)
	p.Put(sugar, diabetes)
	ann := p.visit("ann")
	c, first := ann.app("ann", "patient/Observation.rs")
	second := ann.allow(c, "ann", "patient/Observation.rs", "patient/Condition.rs")
	if got := ann.get("/portal/ann/apps").want(200); strings.Count(got.Body, `href="/portal/ann/apps/`+c.ID+`"`) != 2 {
		t.Errorf("the app does not stand there once: %s", got.says())
	}
	ann.send("/portal/ann/apps/"+c.ID, "do", "narrow", "scope", "patient/Condition.rs").want(http.StatusSeeOther)
	for _, token := range []string{first, second} {
		p.fhir(token, "Observation?patient=ann").want(http.StatusForbidden)
	}
	ann.send("/portal/ann/apps/"+c.ID, "do", "end").want(http.StatusSeeOther)
	for _, token := range []string{first, second} {
		p.fhir(token, "Condition?patient=ann").want(http.StatusUnauthorized)
	}
}

func TestAChoiceHidesKindsOfDataFromAnAppUntilItIsEnded(t *testing.T) {
	p := newPlace(t)
	p.Put(sugar, diabetes)
	ann := p.visit("ann")
	c, token := ann.app("ann", "patient/*.rs")
	p.fhir(token, "Observation?patient=ann").want(200).has(`"total":1`)
	choice := []string{"decision", "hide", "who", "app:" + c.ID, "what", "kinds", "kind", "results", "emergency", "1"}
	ann.get("/portal/ann/sharing/new?who="+url.QueryEscape("app:"+c.ID)).want(200).has("Growth Chart", "Test results and measurements")
	ann.send("/portal/ann/sharing/new", append(choice, "do", "preview")...).want(200).has("What it would do", "Hidden from Growth Chart", "Test results and measurements: 1 entry", "You with Growth Chart", "Nothing is saved yet")
	p.fhir(token, "Observation?patient=ann").want(200).has(`"total":1`)
	ann.send("/portal/ann/sharing/new", append(choice, "do", "save")...).want(http.StatusSeeOther)
	p.fhir(token, "Observation?patient=ann").want(200).has(`"total":0`)
	p.fhir(token, "Condition?patient=ann").want(200).has(`"total":1`)
	page := ann.get("/portal/ann/sharing?done=saved").want(200).has("Hidden from Growth Chart", "Test results and measurements.", "holds", "Until you end it.")
	ann.get("/portal/ann/apps/" + c.ID).want(200).has("Test results and measurements. Until you end it.")

	_, rest, _ := strings.Cut(page.Body, `<h2><a href="/portal/ann/sharing/`)
	id, _, _ := strings.Cut(rest, `"`)
	at := "/portal/ann/sharing/" + id
	ann.get(at).want(200).has("End this choice", `value="results" checked`)
	ann.send(at, "do", "save", "decision", "hide", "who", "app:"+c.ID, "what", "kinds", "kind", "problems").want(http.StatusSeeOther)
	p.fhir(token, "Observation?patient=ann").want(200).has(`"total":1`)
	p.fhir(token, "Condition?patient=ann").want(200).has(`"total":0`)
	ann.send(at, "do", "save", "version", "1", "decision", "hide", "who", "app:"+c.ID, "what", "all").want(http.StatusUnprocessableEntity).has("was changed meanwhile")
	ann.send(at, "do", "end").want(http.StatusSeeOther)
	p.fhir(token, "Condition?patient=ann").want(200).has(`"total":1`)
	ann.get("/portal/ann/sharing").want(200).has("Not any more", "ended")
}
