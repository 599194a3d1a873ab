package auth_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
)

// surgery is a practice with a privacy officer and records: what one of the patients
// denies to Noor.
func surgery(t *testing.T) *place {
	p := household(t)
	p.user("desk", identity.FrontDesk)
	for _, patient := range []string{"ann", "bob"} {
		p.put(fmt.Sprintf(`{"resourceType":"Observation","id":"of-%s","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/%s"}}`, patient, patient))
	}
	p.consent("ann", `{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"recipient"},"reference":{"reference":"Practitioner/noor"}}],
		"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]}`)
	return p
}

// consent stores the one Consent of a patient.
func (p *place) consent(patient, provision string) {
	p.t.Helper()
	p.put(fmt.Sprintf(`{"resourceType":"Consent","id":"of-%s","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/%s"},"dateTime":"2026-02-01","provision":%s}`, patient, patient, provision))
}

// access is a token of a user with a scope.
func (p *place) access(login, scope string) string {
	p.t.Helper()
	c, _ := p.register()
	return p.tokens(c, scope, login)["access_token"].(string)
}

const denied = "Consent/of-ann of 1 February 2026 denies it: Consent.provision.provision[0]."

func TestWhySaysWhatShowsOrHidesAResource(t *testing.T) {
	p := surgery(t)
	vera, noor := p.access("vera", "user/Consent.rs"), p.access("noor", "user/*.rs")
	p.fhir("Observation/of-ann", noor).want(404)
	a := p.fhir("Observation/of-ann/$why?user=noor", vera).want(200)
	a.has("The scope user/*.cruds allows reading Observation.", "The role practitioner (rules[0]) allows reading Observation of the whole organization.", denied, `"shown","valueBoolean":false`)
	p.fhir("Observation/of-bob/$why?user=Practitioner/noor", vera).want(200).has("No consent decides about it: for the purpose TREAT data is shown by default.", `"shown","valueBoolean":true`)
	p.fhir("Observation/of-ann/$why?user=desk", vera).want(200).has("The role front-desk has no rule that allows reading Observation for the purpose HOPERAT.")
	c, _ := p.register(func(c *identity.Client) { c.Scopes = []string{"user/Patient.rs"} })
	p.fhir("Observation/of-bob/$why?user=noor&client="+url.QueryEscape(c.ID), vera).want(200).has("No scope allows reading Observation.")
	p.fhir("Observation/of-ann/$why?user=noor&purpose=HOPERAT", vera).want(200).has(`"shown","valueBoolean":true`, "Consent/of-ann of 1 February 2026 permits it: Consent.provision.")
	p.do(p.client, "GET", p.url+"/fhir/Observation/of-ann/$why?user=noor", nil, "Authorization", "Bearer "+vera, "Accept", "text/html").want(200).
		has("Why Observation/of-ann is hidden", "Against it (consent): "+denied)
	p.fhir("Observation/none/$why?user=noor", vera).want(404)
	p.fhir("Observation/of-ann/$why?user=nobody", vera).want(404).has("there is no user nobody here")
	p.fhir("Observation/of-ann/$why?user=noor&client=nothing", vera).want(404).has("there is no app nothing here")
}

func TestWhyTellsNobodyElseWhatPatientsDecided(t *testing.T) {
	p := surgery(t)
	noor := p.access("noor", "user/*.rs")
	p.fhir("Observation/of-bob/$why", noor).want(200).has("shown by default")
	p.fhir("Observation/of-bob/$why?user=NOOR", noor).want(200)
	hidden, missing := p.fhir("Observation/of-ann/$why", noor).want(404), p.fhir("Observation/no-ann/$why", noor).want(404)
	if strings.ReplaceAll(hidden.body, "of-ann", "") != strings.ReplaceAll(missing.body, "no-ann", "") {
		t.Errorf("%s\n%s", hidden.body, missing.body)
	}
	p.fhir("Observation/of-bob/$why?user=desk", noor).want(403)
	p.fhir("Observation/of-bob/$why?purpose=HRESCH", noor).want(403)
	p.fhir("Observation/of-bob/$why?user=noor", p.access("vera", "user/Patient.rs")).want(403).has("user/Consent.r")
	p.fhir("Observation/of-bob/$why?user=noor", "").want(401)
}

func TestAPatientAsksWhyAboutTheOwnRecord(t *testing.T) {
	p := surgery(t)
	ann := p.access("ann", "patient/*.rs")
	p.fhir("Observation/of-ann/$why?user=Practitioner/noor", ann).want(200).has(denied)
	p.fhir("Observation/of-ann/$why", ann).want(200).has("The asker is the patient: only a consent that names the app could hide it.")
	p.fhir("Observation/of-bob/$why?user=Practitioner/noor", ann).want(404)
	p.fhir("Observation/of-ann/$why?user=noor", ann).want(403).has("Practitioner/123")
	p.put(`{"resourceType":"Appointment","id":"both","status":"proposed","participant":[{"actor":{"reference":"Patient/ann"},"status":"accepted"},{"actor":{"reference":"Patient/bob"},"status":"accepted"}]}`)
	p.consent("bob", `{"type":"deny"}`)
	a := p.fhir("Appointment/both/$why?user=Practitioner/noor", ann).want(200).has(denied, "A patient to whom it belongs has decided about it.")
	if strings.Contains(a.body, "of-bob") {
		t.Error(a.body)
	}
}

func TestASimulationSaysWhatSomebodyWouldFind(t *testing.T) {
	p := surgery(t)
	vera := p.access("vera", "user/Consent.rs")
	ask := func(user, query string) answer {
		return p.fhir("$simulate?user="+user+"&query="+url.QueryEscape(query), vera)
	}
	a := ask("noor", "Observation?_sort=_id").want(200).has(`"total","valueDecimal":1`, "Observation/of-bob", "Roles: practitioner.", "1 policies of patients concern the asker")
	if strings.Contains(a.body, "of-ann") || strings.Contains(a.body, "weight") {
		t.Error(a.body)
	}
	ask("desk", "Patient").want(200).has(`"total","valueDecimal":2`)
	ask("noor", "Observation?patient=ann&_total=none").want(200).has(`"total","valueDecimal":0`)
	ask("desk", "Observation").want(403)
	ask("noor", "Nonsense?x=y").want(400).has("query is a search of a type")
	ask("noor", "").want(400).has("query is a search of a type")
	ask("noor", "Patient?nonsense=1").want(400)
	noor := p.access("noor", "user/*.rs")
	p.fhir("$simulate?user=desk&query=Patient", noor).want(403)
	p.fhir("$simulate?query=Patient", noor).want(403).has("told to privacy officers")
	p.fhir("$simulate?user=Practitioner/noor&query=Patient", p.access("ann", "patient/*.rs")).want(403).has("told to privacy officers")
}

// Whoever looks at what others see leaves an event, of what was found as well.
func TestASimulationIsRecorded(t *testing.T) {
	p := surgery(t)
	vera := p.access("vera", "user/Consent.rs")
	from := int64(len(p.events(0)))
	p.fhir("$simulate?user=noor&query=Observation", vera).want(200).has("Observation/of-bob")
	p.fhir("$simulate?user=desk&query=Patient", p.access("noor", "user/*.rs")).want(403)
	var simulated []*audit.Event
	for _, e := range p.events(from) {
		if e.Target == "$simulate" {
			simulated = append(simulated, e)
		}
	}
	if len(simulated) != 2 {
		t.Fatalf("%d events: %q", len(simulated), told(simulated))
	}
	e := simulated[0]
	if e.Kind != audit.Operation || e.Outcome() != 0 || e.Agent.Login != "vera" || e.Query != "user=noor&query=Observation" ||
		len(e.Patients) != 1 || e.Patients[0].Key != "Patient/bob" || len(e.Patients[0].Entities) != 1 || e.Patients[0].Entities[0].Key != "Observation/of-bob" {
		t.Errorf("%+v", e)
	}
	if e := simulated[1]; e.Outcome() != 4 || e.Agent.Login != "noor" || len(e.Why) == 0 {
		t.Errorf("%+v", e)
	}
}
