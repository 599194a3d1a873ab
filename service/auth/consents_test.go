package auth_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// denies stores a Consent of a patient that denies somebody everything.
func (p *place) denies(id, patient, actor string) {
	p.t.Helper()
	p.put(fmt.Sprintf(`{"resourceType":"Consent","id":%q,"status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],"policy":[{"uri":"https://policy.example"}],
		"patient":{"reference":"Patient/%s"},"dateTime":"2026-02-01","provision":{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"recipient"},"reference":%s}]}]}}`, id, patient, actor))
}

func (p *place) total(path, token string) float64 {
	p.t.Helper()
	n, _ := p.fhir(path, token).want(200).json()["total"].(float64)
	return n
}

func TestAConsentHoldsForTheTokenOfWhomItNamesAtOnce(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) {
			p := practice(t)
			c, _ := p.register()
			noor := p.tokens(c, "user/*.rs", "noor")["access_token"].(string)
			ann := p.tokens(c, "patient/*.rs", "ann")["access_token"].(string)
			all := p.total("Patient?_summary=count", noor)
			p.denies("c", "ann", `{"reference":"Practitioner/noor"}`)
			if n := p.total("Patient?_summary=count", noor); n != all-1 {
				t.Errorf("%v of %v patients", n, all)
			}
			p.fhir("Patient/ann", noor).want(404)
			p.fhir("Encounter/visit", noor).want(404)
			p.fhir("Patient/ann", ann).want(200)
			s := p.door.Session(records.Principal{ID: "test"}, nil)
			if _, err := s.Delete(t.Context(), fhir.Key{Type: "Consent", ID: "c"}, records.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			p.fhir("Patient/ann", noor).want(200)
		})
	}
}

func TestAConsentThatNamesAProxyIsOfThePersonBehindIt(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	const scope = "launch/patient patient/*.rs"
	dora := func(patient string) string {
		code := p.browser().open(p.ask(c, scope)).signIn("dora").send("patient", patient).allow().Get("code")
		return p.token(codeForm(c, code)).want(200).json()["access_token"].(string)
	}
	forAnn, forBob := dora("ann"), dora("bob")
	p.fhir("Encounter/visit", forAnn).want(200)
	p.denies("c", "ann", `{"reference":"RelatedPerson/for-ann"}`)
	p.denies("d", "bob", `{"reference":"RelatedPerson/for-ann"}`)
	p.fhir("Encounter/visit", forAnn).want(404)
	p.fhir("Patient/bob", forBob).want(200) // her own record
}

func TestAConsentThatNamesAnAppIsOfThatApp(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	other, _ := p.register()
	own := p.tokens(c, "patient/*.rs", "ann")["access_token"].(string)
	others := p.tokens(other, "patient/*.rs", "ann")["access_token"].(string)
	p.denies("c", "ann", fmt.Sprintf(`{"identifier":{"system":"%s/auth/clients","value":%q}}`, p.url, c.ID))
	p.fhir("Encounter/visit", own).want(404)
	p.fhir("Encounter/visit", others).want(200)
}

func TestARoleLimitsTheTokenOfItsUser(t *testing.T) {
	p := practice(t)
	p.user("desk", identity.FrontDesk, identity.Link{Type: "Practitioner", ID: "noor"})
	c, _ := p.register()
	desk := p.tokens(c, "user/*.cruds", "desk")["access_token"].(string)
	p.fhir("Patient/ann", desk).want(200)
	p.fhir("Observation", desk).want(403)
	p.fhir("Condition", desk).want(403)
}

func TestPatientsWhomAConsentHidesAreNotOfferedToChoose(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	p.denies("c", "ann", `{"reference":"Practitioner/noor"}`)
	g := p.browser().open(p.ask(c, "launch/patient patient/*.rs")).signIn("noor").want(200)
	g.has("Bob Baker")
	if strings.Contains(g.body, "Ann Archer") {
		t.Error("a hidden patient can be chosen")
	}
}
