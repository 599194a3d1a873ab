package auth_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/spec/fhir"
)

const brandFile = `{"name":"Lake Clinic","website":"https://www.Lake.example/start","aliases":["The Lake"],"categories":["prov","laboratory"],
 "logo":"https://lake.example/logo.svg","logoLicense":"https://lake.example/terms",
 "portals":[{"name":"My Lake","description":"For adults","url":"https://my.lake.example","logo":"https://my.lake.example/l.png","logoLicense":"https://my.lake.example/terms"},
  {"name":"Young Lake","url":"https://young.lake.example"}],
 "addresses":[{"line":["1 Shore Rd"],"city":"Lakeview","state":"OR","postalCode":"97630","country":"US"},{"postalCode":"97635"}],
 "identifiers":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893"}],"developers":"https://developers.lake.example"}`

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

// What the guide's profiles of brands and endpoints mark as must-support, in the
// words of a brand file (SMART, User Access Brand and User Access Endpoint).
func TestABrandFileHasAWayForEveryElementOfTheProfiles(t *testing.T) {
	p := newPlace(t, withBrand(t, brandFile))
	b := p.bundle()
	extension := func(name string, parts ...any) any {
		return map[string]any{"url": "http://hl7.org/fhir/StructureDefinition/" + name, "extension": parts}
	}
	part := func(name, kind string, value any) any { return map[string]any{"url": name, kind: value} }
	category := func(code string) any {
		return map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": code}}}
	}
	endpoint := map[string]any{"reference": "Endpoint/brand", "display": "FHIR endpoint of Lake Clinic"}
	changed := map[string]any{"lastUpdated": "2026-02-03T04:05:06Z"}
	for n, want := range []map[string]any{
		{
			"resourceType": "Organization", "id": "brand", "meta": changed, "active": true, "name": "Lake Clinic", "alias": []any{"The Lake"},
			"identifier": []any{
				map[string]any{"system": "urn:ietf:rfc:3986", "value": "https://lake.example"},
				map[string]any{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"},
			},
			"type":    []any{category("prov"), category("laboratory")},
			"telecom": []any{map[string]any{"system": "url", "value": "https://www.Lake.example/start"}},
			"address": []any{
				map[string]any{"line": []any{"1 Shore Rd"}, "city": "Lakeview", "state": "OR", "postalCode": "97630", "country": "US"},
				map[string]any{"postalCode": "97635"},
			},
			"endpoint": []any{endpoint},
			"extension": []any{
				extension("organization-brand", part("brandLogo", "valueUrl", "https://lake.example/logo.svg"), part("brandLogoLicense", "valueUrl", "https://lake.example/terms")),
				extension("organization-portal", part("portalName", "valueString", "My Lake"), part("portalDescription", "valueMarkdown", "For adults"),
					part("portalUrl", "valueUrl", "https://my.lake.example"), part("portalLogo", "valueUrl", "https://my.lake.example/l.png"),
					part("portalLogoLicense", "valueUrl", "https://my.lake.example/terms"), part("portalEndpoint", "valueReference", endpoint)),
				extension("organization-portal", part("portalName", "valueString", "Young Lake"), part("portalUrl", "valueUrl", "https://young.lake.example"),
					part("portalEndpoint", "valueReference", endpoint)),
			},
		},
		{
			"resourceType": "Endpoint", "id": "brand", "meta": changed, "status": "active", "name": "FHIR endpoint of Lake Clinic", "address": p.url + "/fhir",
			"extension":      []any{map[string]any{"url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version", "valueCode": "4.0.1"}},
			"connectionType": map[string]any{"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-rest"},
			"payloadType":    []any{map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "none"}}}},
			"contact":        []any{map[string]any{"system": "url", "value": "https://developers.lake.example"}},
		},
	} {
		if got := b.Entry[n].Resource; !reflect.DeepEqual(got, want) {
			t.Errorf("%v\nnot %v", got, want)
		}
	}
}

func TestDevelopersAreLedToTheirPageOfTheAccountByABrand(t *testing.T) {
	p := newPlace(t, withBrand(t, `{"name":"x","website":"https://x.example"}`))
	contact, _ := json.Marshal(p.bundle().Entry[1].Resource["contact"])
	if got, want := string(contact), `[{"system":"url","value":"`+p.url+`/developers"}]`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestABrandFileBecomesABundleOfOneBrandAndItsEndpoint(t *testing.T) {
	p := newPlace(t, withBrand(t, brandFile))
	b := p.bundle()
	if b.Type != "collection" || b.Timestamp != "2026-02-03T04:05:06Z" || len(b.Entry) != 2 {
		t.Fatalf("%+v", b)
	}
	if o, e := b.Entry[0], b.Entry[1]; o.FullURL != p.url+"/fhir/Organization/brand" || e.FullURL != p.url+"/fhir/Endpoint/brand" {
		t.Errorf("%s %s", o.FullURL, e.FullURL)
	}
	text, _ := json.Marshal(b.Entry[0].Resource)
	for _, want := range []string{
		`"system":"urn:ietf:rfc:3986","value":"https://lake.example"`, `"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893"`,
		`"endpoint":[{"display":"FHIR endpoint of Lake Clinic","reference":"Endpoint/brand"}]`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if e := b.Entry[1].Resource; e["address"] != p.url+"/fhir" {
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
	same := p.do(p.client, "GET", p.url+"/auth/brands", nil, "If-None-Match", `"x", `+tag, "Origin", "https://any.example").want(http.StatusNotModified)
	if same.header.Get("ETag") != tag || same.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%v", same.header)
	}
	p.do(p.client, "GET", p.url+"/auth/brands", nil, "If-None-Match", `W/"x"`).want(200)
	asked := p.do(p.client, "OPTIONS", p.url+"/auth/brands", nil, "Origin", "https://any.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "if-none-match").want(204)
	if h := asked.header; h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "If-None-Match") {
		t.Errorf("%v", h)
	}
}

func TestTheTimestampOfTheBrandsIsThatOfTheLastChange(t *testing.T) {
	p := newPlace(t, withBrand(t, brandFile))
	tag := ""
	last := time.Time{}
	changed := func(what string, want bool) {
		t.Helper()
		a := p.do(p.client, "GET", p.url+"/auth/brands", nil).want(200)
		at, err := time.Parse(time.RFC3339, a.json()["timestamp"].(string))
		if err != nil || at.After(last) != want || at.Before(last) || (a.header.Get("ETag") != tag) != want {
			t.Errorf("%s: %v after %v, %s after %s, %v", what, at, last, a.header.Get("ETag"), tag, err)
		}
		last, tag = at, a.header.Get("ETag")
	}
	brand := func(id, tag string) string {
		return `{"resourceType":"Organization","id":"` + id + `",` + tag + `"name":"` + id + `"}`
	}
	changed("the file", true)
	changed("nothing", false)
	p.put(brand("a", brandTag+","))
	changed("one that is stored", true)
	stored, _ := p.bundle().Entry[0].Resource["meta"].(map[string]any)["lastUpdated"].(string)
	if at, err := time.Parse(time.RFC3339, stored); err != nil || !at.Equal(last) {
		t.Errorf("%s is stored, %v said", stored, last)
	}
	p.put(brand("b", brandTag+","))
	changed("another", true)
	p.put(`{"resourceType":"Organization","id":"none","name":"none"}`)
	changed("what is no brand", false)
	s := p.door.Session(records.Principal{ID: "test"}, nil)
	if _, err := s.Delete(t.Context(), fhir.Key{Type: "Organization", ID: "b"}, records.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	changed("one that is deleted", true)
	changed("nothing again", false)
	if _, err := s.Delete(t.Context(), fhir.Key{Type: "Organization", ID: "a"}, records.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	changed("the file again", true)
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
	portal := `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/organization-portal","extension":[{"url":"portalName","valueString":"My Branch"}]}]`
	p.put(`{"resourceType":"Organization","id":"third",` + brandTag + `,` + portal + `,"name":"Third","alias":["3"],"type":[{"coding":[{"code":"ins"}]}],"telecom":[{"system":"url","value":"https://third.example"}],"address":[{"city":"A"},{"city":"B"}],"partOf":{"reference":"Organization/main"}}`)
	names := map[string]bool{}
	for _, e := range p.bundle().Entry {
		if e.Resource["id"] == "third" { // all of it is as it was stored
			text, _ := json.Marshal(e.Resource)
			for _, want := range []string{
				`"valueString":"My Branch"`, `"alias":["3"]`, `"code":"ins"`, `"value":"https://third.example"`, `"address":[{"city":"A"},{"city":"B"}]`, `"partOf":{"reference":"Organization/main"}`,
			} {
				if !strings.Contains(string(text), want) {
					t.Errorf("no %s in %s", want, text)
				}
			}
		}
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
		`{"name":"x","website":"https://x.example","categories":["zoo"]}`: "no category", `{"name":"x","website":"https://x.example","portals":[{"name":"y"}]}`: "portals[0] of the brand needs a url",
		`{"name":"x","website":"https://x.example","portals":[{"url":"https://x.example","logo":"http://x.example"}]}`: "portals[0].logo",
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
		p.put(`{"resourceType":"Endpoint","id":"`+id+`","status":"active","connectionType":{"code":"hl7-fhir-rest"},"payloadType":[{"text":"any"}],"address":"https://`+id+`.example"}`,
			`{"resourceType":"Organization","id":"`+id+`",`+brandTag+`,"name":"x","endpoint":[{"reference":"Endpoint/`+id+`"}],"_alias":[{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"`+reason+`"}]}]}`)
	}
	a := p.do(p.client, "GET", p.url+"/auth/brands", nil).want(200).has(`"valueCode":"asked-declined"`, `"valueCode":"asked-unknown"`, "Endpoint/declined", "Endpoint/unknown")
	if strings.Contains(a.body, "masked") {
		t.Errorf("it is there, or its endpoint is: %s", a.body)
	}
}
