package auth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestScopesOfVersion1ComeBackAsTheyWereAskedFor(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	const asked = "patient/Patient.read patient/Observation.write user/Encounter.*"
	tokens := p.tokens(c, asked, "ann")
	if tokens["scope"] != asked {
		t.Errorf("%v", tokens["scope"])
	}
	token, _ := tokens["access_token"].(string)
	p.fhir("Patient/ann", token).want(200)
	p.fhir("Patient?_id=ann", token).want(200)
	p.fhir("Observation?patient=ann", token).want(403)
	p.write("POST", "Observation", token, `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"}}`).want(201)
	p.write("PUT", "Patient/ann", token, `{"resourceType":"Patient","id":"ann"}`).want(403)
}

// write sends a resource with a token.
func (p *place) write(method, path, token, body string) answer {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, strings.TrimSuffix(p.url+"/fhir/"+path, "/"), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/fhir+json")
	r.Header.Set("Authorization", "Bearer "+token)
	return p.send(p.client, r)
}

func TestAnUpdateThatCreatesNeedsTheScopeForUpdates(t *testing.T) {
	p := practice(t)
	c := p.backend("system/Observation.cu", "system/Patient.r")
	token := func(scope string) string {
		form := backendForm(scope+" system/Patient.r", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))
		return p.token(form).want(200).json()["access_token"].(string)
	}
	const body = `{"resourceType":"Observation","id":"new","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"}}`
	p.write("PUT", "Observation/new", token("system/Observation.c"), body).want(403)
	p.write("PUT", "Observation/new", token("system/Observation.u"), body).want(201)
}

func TestEachEntryOfABatchNeedsItsScope(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	token := p.accessToken(c, "patient/Patient.rs", "ann")
	entries := `"entry":[{"request":{"method":"GET","url":"Patient/ann"}},{"request":{"method":"GET","url":"Encounter/visit"}}]}`
	a := p.write("POST", "", token, `{"resourceType":"Bundle","type":"batch",`+entries).want(200)
	var b struct {
		Entry []struct {
			Response struct{ Status string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		t.Fatal(err)
	}
	if len(b.Entry) != 2 || !strings.HasPrefix(b.Entry[0].Response.Status, "200") || !strings.HasPrefix(b.Entry[1].Response.Status, "403") {
		t.Errorf("%s", a.body)
	}
	p.write("POST", "", token, `{"resourceType":"Bundle","type":"transaction",`+entries).want(403)
}

func TestAWildcardIsForEveryType(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	token := p.accessToken(c, "patient/*.rs", "ann")
	for _, path := range []string{"Patient/ann", "Encounter/visit", "Observation?patient=ann", "Goal?patient=ann"} {
		p.fhir(path, token).want(200)
	}
	p.write("POST", "Goal", token, `{"resourceType":"Goal"}`).want(403)
}

func TestAGranularScopeOpensItsCategoryOnly(t *testing.T) {
	p := practice(t)
	const system = "http://terminology.hl7.org/CodeSystem/observation-category"
	for _, category := range []string{"laboratory", "vital-signs"} {
		p.put(`{"resourceType":"Observation","id":"` + category + `","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"},"category":[{"coding":[{"system":"` + system + `","code":"` + category + `"}]}]}`)
	}
	c, _ := p.register()
	token := p.accessToken(c, "launch/patient patient/Observation.rs?category="+system+"|laboratory", "ann")
	p.fhir("Observation/laboratory", token).want(200)
	p.fhir("Observation/vital-signs", token).want(404)
	if got := p.fhir("Observation?patient=ann", token).want(200).json()["total"]; got != nil && got != 1.0 {
		t.Errorf("%v found", got)
	}
	if a := p.fhir("Observation?patient=ann", token); strings.Contains(a.body, "Observation/vital-signs") || !strings.Contains(a.body, "Observation/laboratory") {
		t.Errorf("%s", a.body)
	}
}
