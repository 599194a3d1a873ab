package auth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/auth"
)

const brandFile = `{"name":"Lake Clinic","website":"https://www.Lake.example/start","aliases":["The Lake"],"logo":"https://lake.example/logo.svg",
 "portal":{"name":"My Lake","url":"https://my.lake.example"},"address":{"line":["1 Shore Rd"],"city":"Lakeview","state":"OR","postalCode":"97630","country":"US"},
 "identifiers":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893"}]}`

func withBrand(t *testing.T, text string) option {
	t.Helper()
	b, err := auth.ReadBrand(strings.NewReader(text), time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return func(_ *identity.Config, c *auth.Config) { c.Tenants = []auth.Tenant{{Brand: b}} }
}

// bundle reads the brands.
func (p *place) bundle() (b struct {
	Type, Timestamp string
	Entry           []struct {
		FullURL  string
		Resource map[string]any
	}
}) {
	p.t.Helper()
	a := p.do(p.client, "GET", p.url+"/auth/brands", nil).want(200)
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *place) discovery() map[string]any {
	p.t.Helper()
	return p.do(p.client, "GET", p.url+"/fhir/.well-known/smart-configuration", nil).want(200).json()
}

func TestAServerWithoutABrandSaysNothingOfBrands(t *testing.T) {
	p := newPlace(t)
	p.do(p.client, "GET", p.url+"/auth/brands", nil).want(404)
	d := p.discovery()
	if d["user_access_brand_bundle"] != nil || d["user_access_brand_identifier"] != nil {
		t.Errorf("%v", d)
	}
}

func TestABrandFileBecomesABundleOfOneBrandAndItsEndpoint(t *testing.T) {
	p := newPlace(t, withBrand(t, brandFile))
	b := p.bundle()
	if b.Type != "collection" || b.Timestamp != "2026-02-03T04:05:06Z" || len(b.Entry) != 2 {
		t.Fatalf("%+v", b)
	}
	o, e := b.Entry[0].Resource, b.Entry[1].Resource
	text, _ := json.Marshal(o)
	for _, want := range []string{
		`"name":"Lake Clinic"`, `"alias":["The Lake"]`, `"system":"urn:ietf:rfc:3986","value":"https://lake.example"`,
		`"value":"1234567893"`, `"valueUrl":"https://lake.example/logo.svg"`, `"valueUrl":"https://my.lake.example"`, `"postalCode":"97630"`,
		`"valueReference":{"display":"FHIR endpoint of Lake Clinic","reference":"Endpoint/brand"}`, `"value":"https://www.Lake.example/start"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if e["address"] != p.url+"/fhir" || e["status"] != "active" || b.Entry[1].FullURL != p.url+"/fhir/Endpoint/brand" {
		t.Errorf("%v", e)
	}
	d := p.discovery()
	identifier, _ := d["user_access_brand_identifier"].(map[string]any)
	if d["user_access_brand_bundle"] != p.url+"/auth/brands" || identifier["system"] != "urn:ietf:rfc:3986" || identifier["value"] != "https://lake.example" {
		t.Errorf("%v", d)
	}
}

func TestTheBundleOfBrandsIsPublicAndHasAWeakETag(t *testing.T) {
	p := newPlace(t, withBrand(t, brandFile))
	a := p.do(p.client, "GET", p.url+"/auth/brands", nil, "Origin", "https://any.example").want(200)
	tag := a.header.Get("ETag")
	if a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(tag, `W/"`) {
		t.Errorf("%v", a.header)
	}
	p.do(p.client, "GET", p.url+"/auth/brands", nil, "If-None-Match", `"x", `+tag).want(http.StatusNotModified)
	p.do(p.client, "GET", p.url+"/auth/brands", nil, "If-None-Match", `W/"x"`).want(200)
}

const brandTag = `"meta":{"tag":[{"system":"https://ingle.health/fhir/CodeSystem/tag","code":"user-access-brand"}]}`

func TestAdministratorsManageBrandsAsStoredOrganizations(t *testing.T) {
	p := newPlace(t, withBrand(t, brandFile))
	endpoint := func(id, address string) string {
		return `{"resourceType":"Endpoint","id":"` + id + `","status":"active","connectionType":{"system":"http://terminology.hl7.org/CodeSystem/endpoint-connection-type","code":"hl7-fhir-rest"},"payloadType":[{"text":"any"}],"address":"` + address + `"}`
	}
	p.put(
		endpoint("here", p.url+"/fhir"), endpoint("other", "https://other.example/fhir"), endpoint("unused", "https://unused.example/fhir"),
		`{"resourceType":"Organization","id":"unbranded","name":"Nobody"}`,
		`{"resourceType":"Organization","id":"main",`+brandTag+`,"name":"Main","identifier":[{"system":"urn:own","value":"main"},{"system":"urn:ietf:rfc:3986","value":"https://main.example"}],"endpoint":[{"reference":"Endpoint/here"}]}`,
		`{"resourceType":"Organization","id":"branch",`+brandTag+`,"name":"Branch","partOf":{"reference":"Organization/main"},"identifier":[{"system":"urn:ietf:rfc:3986","value":"https://branch.example"}],"endpoint":[{"reference":"Endpoint/here"},{"reference":"Endpoint/other"}]}`,
	)
	names := map[string]bool{}
	for _, e := range p.bundle().Entry {
		names[strings.TrimPrefix(e.FullURL, p.url+"/fhir/")] = true
		meta, _ := e.Resource["meta"].(map[string]any)
		if meta["lastUpdated"] == nil {
			t.Errorf("%s does not say when it was changed", e.FullURL)
		}
	}
	for name, want := range map[string]bool{
		"Organization/main": true, "Organization/branch": true, "Endpoint/here": true, "Endpoint/other": true,
		"Organization/unbranded": false, "Endpoint/unused": false, "Organization/brand": false,
	} {
		if names[name] != want {
			t.Errorf("%s: %v", name, names[name])
		}
	}
	identifier, _ := p.discovery()["user_access_brand_identifier"].(map[string]any)
	if identifier["value"] != "https://main.example" {
		t.Errorf("the primary brand is %v", identifier)
	}
}

// An identifier that two Organizations have tells nobody which is meant.
func TestTheIdentifierOfTheBrandBelongsToExactlyOneOrganization(t *testing.T) {
	p := newPlace(t)
	p.put(
		`{"resourceType":"Endpoint","id":"here","status":"active","connectionType":{"code":"hl7-fhir-rest"},"payloadType":[{"text":"any"}],"address":"`+p.url+`/fhir"}`,
		`{"resourceType":"Organization","id":"a",`+brandTag+`,"name":"A","identifier":[{"system":"urn:ietf:rfc:3986","value":"https://both.example"},{"value":"only-a"}],"endpoint":[{"reference":"Endpoint/here"}]}`,
		`{"resourceType":"Organization","id":"b",`+brandTag+`,"name":"B","identifier":[{"system":"urn:ietf:rfc:3986","value":"https://both.example"}]}`,
	)
	identifier, _ := p.discovery()["user_access_brand_identifier"].(map[string]any)
	if identifier["value"] != "only-a" {
		t.Errorf("%v", identifier)
	}
	p.put(`{"resourceType":"Organization","id":"a",` + brandTag + `,"name":"A","identifier":[{"system":"urn:ietf:rfc:3986","value":"https://both.example"}],"endpoint":[{"reference":"Endpoint/here"}]}`)
	if d := p.discovery(); d["user_access_brand_bundle"] != nil {
		t.Errorf("%v", d["user_access_brand_bundle"])
	}
}

func TestABadBrandFileSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`{`: "cannot be read", `{"nam":"x"}`: "unknown field", `{"website":"https://x.example"}`: "needs a name", `{"name":"x","website":"x.example"}`: "needs a website",
		`{"name":"x","website":"https://x.example","logo":"http://x.example/l.png"}`: "logo", `{"name":"x","website":"https://x.example","identifiers":[{}]}`: "needs a value",
	} {
		if _, err := auth.ReadBrand(strings.NewReader(text), time.Time{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestABrandWithAnotherReasonForAbsentDataIsLeftOut(t *testing.T) {
	p := newPlace(t)
	for id, reason := range map[string]string{"declined": "asked-declined", "unknown": "asked-unknown", "masked": "masked"} {
		p.put(`{"resourceType":"Organization","id":"` + id + `",` + brandTag + `,"name":"x","_alias":[{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"` + reason + `"}]}]}`)
	}
	if n := len(p.bundle().Entry); n != 2 {
		t.Errorf("%d brands", n)
	}
}
