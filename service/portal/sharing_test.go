package portal_test

import (
	"net/http"
	"strings"
	"testing"
)

// choiceID is the id of the first choice on a page of them.
func choiceID(t *testing.T, a answer, patient string) string {
	t.Helper()
	_, rest, ok := strings.Cut(a.Body, `<h2><a href="/portal/`+patient+`/sharing/`)
	id, _, _ := strings.Cut(rest, `"`)
	if !ok || id == "new" {
		t.Fatalf("no choice in %s", a.says())
	}
	return id
}

func TestAChoiceHidesFromThoseWhoWorkThereButInAnEmergency(t *testing.T) {
	p := newPlace(t)
	p.Put(sugar, diabetes)
	_, token := p.visit("dr").app("", "user/*.rs", "user/Patient.cruds")
	p.fhir(token, "Observation?patient=ann").want(200).has(`"total":1`)
	ann := p.visit("ann")
	hide := []string{"do", "save", "decision", "hide", "who", "Practitioner/dr", "what", "kinds", "kind", "results", "kind", "allergies", "emergency", "1"}
	ann.send("/portal/ann/sharing/new", append([]string{"do", "preview"}, hide[2:]...)...).want(200).has("Hidden from Dr. Noor", "Allergies and test results and measurements", "Test results and measurements: 1 entry", "Dr. Noor (practitioner) with Growth Chart")
	ann.send("/portal/ann/sharing/new", hide...).want(http.StatusSeeOther)
	p.fhir(token, "Observation?patient=ann").want(200).has(`"total":0`)
	p.fhir(token, "Condition?patient=ann").want(200).has(`"total":1`)
	ann.get("/portal/ann/results").want(200).has("7.4 %")

	p.guest().json("/fhir/Patient/ann/$break-glass", token, `{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"found unconscious"}]}`).want(200)
	p.fhir(token, "Observation?patient=ann").want(200).has(`"total":1`)
	ann.get("/portal/ann/looked").want(200).has("emergency access", "in an emergency, with a reason that was written down", "Dr. Noor (practitioner)")
	id := choiceID(t, ann.get("/portal/ann/sharing"), "ann")
	ann.send("/portal/ann/sharing/"+id, "do", "save", "decision", "hide", "who", "Practitioner/dr", "what", "kinds", "kind", "results").want(http.StatusSeeOther)
	p.fhir(token, "Observation?patient=ann").want(200).has(`"total":0`)
}

func TestResearchSeesWhatAChoiceShares(t *testing.T) {
	p := newPlace(t)
	p.Put(sugar, diabetes)
	ann := p.visit("ann")
	ann.send("/portal/ann/sharing/new", "do", "save", "decision", "share", "who", "research", "what", "kinds", "kind", "results", "from", "2026-01-01", "until", "2999-12-31").want(http.StatusSeeOther)
	ann.get("/portal/ann/sharing").want(200).has("Shared with research", "Test results and measurements.", "From 1 January 2026 until 31 December 2999.", "holds")
	s := p.consents("ann")
	if len(s) != 1 || !strings.Contains(s[0], `"purpose":[{"code":"HRESCH","system":"http://terminology.hl7.org/CodeSystem/v3-ActReason"}]`) || !strings.Contains(s[0], `"type":"permit"`) {
		t.Error(s)
	}
}

func TestTheDaysOfAChoiceAreChecked(t *testing.T) {
	p := newPlace(t)
	ann := p.visit("ann")
	for _, c := range []struct {
		form []string
		want string
	}{
		{[]string{"what", "all", "from", "31.12.2026"}, "Write the day as 2026-03-31"},
		{[]string{"what", "all", "from", "2026-02-30"}, "Write the day as 2026-03-31"},
		{[]string{"what", "all", "from", "2026-12-31", "until", "2026-01-01"}, "The last day is before the first."},
		{[]string{"what", "kinds"}, "Choose at least one kind of data"},
		{[]string{"what", "all", "who", "Practitioner"}, "Choose one of the list."},
		{[]string{"what", "all", "who", "app:"}, "Choose one of the list."},
	} {
		ann.send("/portal/ann/sharing/new", append([]string{"do", "save", "decision", "hide"}, c.form...)...).want(http.StatusUnprocessableEntity).has(c.want, "There is a problem")
	}
	ann.send("/portal/ann/sharing/new", "do", "save", "what", "all", "who", "Practitioner/not-there").want(http.StatusUnprocessableEntity).has("does not exist")
	if got := p.consents("ann"); len(got) > 0 {
		t.Errorf("something was saved: %s", got)
	}
}

func TestAChoiceOfTheFutureAndOneThatIsOverSaySo(t *testing.T) {
	p := newPlace(t)
	ann := p.visit("ann")
	ann.send("/portal/ann/sharing/new", "do", "save", "what", "all", "from", "2999-01-01").want(http.StatusSeeOther)
	ann.get("/portal/ann/sharing").want(200).has("not yet", "From 1 January 2999, until you end it.")
	ann.send("/portal/ann/sharing/new", "do", "save", "what", "all", "topic", "hiv", "topic", "mental-health", "until", "2001-01-01").want(http.StatusSeeOther)
	ann.get("/portal/ann/sharing").want(200).has("Not any more", "over", "All of the record, but only what tells of mental health or HIV.")
}

// What the form cannot say it does not change either.
func TestAConsentFromElsewhereCanBeEndedButNotRewritten(t *testing.T) {
	p := newPlace(t)
	const elsewhere = `{"resourceType":"Consent","id":"paper","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"Privacy"}],"policy":[{"uri":"urn:x"}],"patient":{"reference":"Patient/ann"},"dateTime":"2026-01-01",` +
		`"provision":{"type":"permit","provision":[{"type":"deny","dataPeriod":{"start":"2020"},"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]}]}}`
	p.Put(elsewhere, strings.NewReplacer(`"paper"`, `"of-bob"`, "Patient/ann", "Patient/bob").Replace(elsewhere))
	ann := p.visit("ann")
	ann.get("/portal/ann/sharing").want(200).has("It says more than this page can tell")
	ann.get("/portal/ann/sharing/paper").want(200).has("was written elsewhere", "End this choice").lacks("What should happen")
	ann.send("/portal/ann/sharing/paper", "do", "save", "what", "all").want(http.StatusConflict)
	ann.get("/portal/ann/sharing/of-bob").want(http.StatusNotFound)
	ann.get("/portal/ann/sharing/not-there").want(http.StatusNotFound)
	ann.send("/portal/ann/sharing/paper", "do", "end").want(http.StatusSeeOther)
	if got := p.consents("ann"); !strings.Contains(got[0], `"inactive"`) || !strings.Contains(got[0], "dataPeriod") {
		t.Error(got)
	}
}
