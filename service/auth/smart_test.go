package auth_test

import (
	"crypto"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// What SMART App Launch asks for beside what other tests of this package show:
// docs/conformance/smart-app-launch-2.2.md says which test shows what.

func TestDiscoveryIsOpenToPagesOfAnyOrigin(t *testing.T) {
	p := newPlace(t)
	for _, path := range []string{"/fhir/.well-known/smart-configuration", "/fhir/metadata"} {
		if got := p.do(p.client, "GET", p.url+path, nil, "Origin", "https://anybody.example").want(200).header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestEveryCapabilityIsAnnounced(t *testing.T) {
	got, _ := newPlace(t).discovery()["capabilities"].([]any)
	for _, want := range []string{
		"launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric", "client-confidential-asymmetric",
		"sso-openid-connect", "context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient",
		"context-standalone-encounter", "permission-offline", "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2",
	} {
		if !slices.Contains(got, any(want)) {
			t.Errorf("no %s", want)
		}
	}
}

func TestTheAccountIsAnnounced(t *testing.T) {
	p := newPlace(t)
	if got := p.discovery()["management_endpoint"]; got != p.url+"/account" {
		t.Errorf("%v", got)
	}
}

func TestTheScopesThatAreAnnouncedAreGranted(t *testing.T) {
	p := practice(t)
	announced, _ := p.discovery()["scopes_supported"].([]any)
	var users, services smart.Scopes
	for _, one := range announced {
		text, _ := one.(string)
		switch {
		case strings.HasPrefix(text, "system/"):
			services = append(services, text)
		case text != smart.Launch && text != smart.Profile: // a launch brings it; a name of fhirUser
			users = append(users, text)
		}
	}
	if len(users) < 8 || len(services) < 1 {
		t.Fatalf("%v", announced)
	}
	c, _ := p.register(func(c *identity.Client) { c.Scopes = users })
	b := p.browser()
	g := b.open(p.ask(c, users.String())).signIn("noor").send("patient", "ann").send("encounter", "visit")
	granted, _ := p.token(codeForm(c, g.allow().Get("code"))).want(200).json()["scope"].(string)
	for _, scope := range users {
		if !slices.Contains(strings.Fields(granted), scope) {
			t.Errorf("%s is not granted: %s", scope, granted)
		}
	}
	service := p.backend(services...)
	a := p.token(backendForm(services.String(), signed(jose.ES384, ecKey(), headers("e"), p.claims(service)))).want(200)
	if got := a.json()["scope"]; got != services.String() {
		t.Errorf("%v, not %s", got, services)
	}
}

func TestOnlyWhoAsksToStayGetsARefreshToken(t *testing.T) {
	p := practice(t)
	for scope, want := range map[string]bool{"patient/*.rs": false, "offline_access patient/*.rs": true, "online_access patient/*.rs": true} {
		c, _ := p.register()
		if got := p.tokens(c, scope, "ann")["refresh_token"] != nil; got != want {
			t.Errorf("%s: %v", scope, got)
		}
	}
}

func TestAnAccessTokenIsShortAndFitsTheHeader(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	var asked smart.Scopes
	for _, typ := range []string{"Observation", "Condition", "Encounter", "Immunization", "Procedure", "Goal"} {
		asked = append(asked, "patient/"+typ+".rs")
	}
	token, _ := p.tokens(c, asked.String(), "ann")["access_token"].(string)
	if len(token) > 64 || strings.ContainsFunc(token, func(r rune) bool {
		return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/", r)
	}) {
		t.Errorf("%q", token)
	}
}

func TestARefreshIsAnsweredLikeTheFirstRequest(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	first := p.tokens(c, "offline_access launch/patient patient/*.rs", "ann")
	refresh, _ := first["refresh_token"].(string)
	second := p.token(refreshForm(c, refresh)).want(200).json()
	for _, name := range []string{"token_type", "expires_in", "scope", "patient", "need_patient_banner", "smart_style_url"} {
		if second[name] == nil || second[name] != first[name] {
			t.Errorf("%s: %v, not %v", name, second[name], first[name])
		}
	}
	if token, _ := second["access_token"].(string); token == "" || token == first["access_token"] {
		t.Errorf("access_token %q", token)
	}
}

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

func TestTheStyleIsPublicJSONWithTheNamesOfTheGuide(t *testing.T) {
	p := newPlace(t)
	a := p.do(p.client, "GET", p.url+"/auth/style.json", nil, "Origin", "https://any.example").want(200)
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%v", a.header)
	}
	style := a.json()
	for _, name := range []string{
		"color_background", "color_error", "color_highlight", "color_modal_backdrop", "color_success", "color_text",
		"dim_border_radius", "dim_font_size", "dim_spacing_size", "font_family_body", "font_family_heading",
	} {
		if text, ok := style[name].(string); !ok || text == "" {
			t.Errorf("%s: %v", name, style[name])
		}
	}
}

func TestItemsOfFHIRContextMayBeOfEveryForm(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	const items = `[{"reference":"ImagingStudy/a"},{"reference":"ImagingStudy/b","role":"launch"},{"reference":"Patient/bob","role":"https://x.example/donor"},` +
		`{"canonical":"http://x.example/Questionnaire/q|1.0","type":"Questionnaire","role":"https://x.example/donor"},{"identifier":{"system":"urn:x","value":"1"},"type":"ServiceRequest"}]`
	launched := p.ehr()(`{"client_id":"` + c.ID + `","user":"noor","patient":"ann","fhirContext":` + items + `}`).want(201).json()
	ask := p.ask(c, "launch patient/*.rs")
	handle, _ := launched["launch"].(string)
	ask.Set("launch", handle)
	tokens := p.token(codeForm(c, p.browser().open(ask).signIn("noor").allow().Get("code"))).want(200).json()
	var want any
	if err := json.Unmarshal([]byte(items), &want); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(tokens["fhirContext"])
	expected, _ := json.Marshal(want)
	if string(got) != string(expected) {
		t.Errorf("%s, not %s", got, expected)
	}
	for _, item := range tokens["fhirContext"].([]any) {
		if role, ok := item.(map[string]any)["role"]; ok && role == "" {
			t.Error("an empty role")
		}
	}
}

func TestAUserWhoIsNoResourceHasNoFHIRUser(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	tokens := p.tokens(c, "openid fhirUser", "dev")
	if tokens["scope"] != "openid" {
		t.Errorf("scope %v", tokens["scope"])
	}
	access, _ := tokens["access_token"].(string)
	info := p.do(p.client, "GET", p.url+"/auth/userinfo", nil, "Authorization", "Bearer "+access).want(200).json()
	if info["fhirUser"] != nil {
		t.Errorf("%v", info)
	}
}

func TestWhoActsForSeveralIsAPerson(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	access := p.accessToken(c, "openid fhirUser", "dora")
	info := p.do(p.client, "GET", p.url+"/auth/userinfo", nil, "Authorization", "Bearer "+access).want(200).json()
	if info["fhirUser"] != p.url+"/fhir/Person/dora" {
		t.Errorf("%v", info)
	}
}

func TestThePublicKeysAreBareAndOfRSA(t *testing.T) {
	p := newPlace(t)
	keys, _ := p.do(p.client, "GET", p.url+"/auth/jwks", nil).want(200).json()["keys"].([]any)
	rsa := 0
	for _, one := range keys {
		k, _ := one.(map[string]any)
		if k["kid"] == nil || k["d"] != nil || k["x5c"] != nil {
			t.Errorf("%v", k)
		}
		if k["kty"] == "RSA" && k["n"] != nil && k["e"] != nil {
			rsa++
		}
	}
	if rsa == 0 {
		t.Errorf("no RSA key: %v", keys)
	}
}

func TestWhatTheServerDoesNotHaveFailsAtOnce(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	token := p.accessToken(c, "user/*.rs", "noor")
	p.fhir("Nonsense?x=1", token).want(404)
	p.fhir("Patient?nonsense=1", token).want(400)
}

func TestAnErrorOfTheTokenEndpointSaysWhatToDo(t *testing.T) {
	p := newPlace(t)
	c := p.backend("system/Patient.rs")
	a := p.token(backendForm("system/Observation.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).refused(400, identity.InvalidScope)
	if text, _ := a.json()["error_description"].(string); len(text) < 10 {
		t.Errorf("%s", a.body)
	}
}

func TestATokenOfAServiceOpensItsTypesForFiveMinutes(t *testing.T) {
	p := practice(t)
	c := p.backend("system/Patient.rs")
	token, _ := p.token(backendForm("system/Patient.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).want(200).json()["access_token"].(string)
	p.fhir("Patient/ann", token).want(200)
	p.fhir("Encounter/visit", token).want(403)
	p.write("PUT", "Patient/ann", token, `{"resourceType":"Patient","id":"ann"}`).want(403)
	p.clock.pass(5 * time.Minute)
	p.fhir("Patient/ann", token).want(401)
}

func TestKeysAreRegisteredByAddressOrDirectly(t *testing.T) {
	p := newPlace(t)
	set := keySet(map[string]crypto.PublicKey{"e": ecKey().Public()})
	var method string
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method = r.Method
		_, _ = w.Write(set)
	}))
	defer host.Close()
	for name, keys := range map[string]func(*identity.Client){
		"directly":   func(c *identity.Client) { c.JWKS = set },
		"by address": func(c *identity.Client) { c.JWKSURI = host.URL },
	} {
		c, _ := p.register(func(c *identity.Client) {
			c.Name, c.Redirects, c.Auth, c.Grants, c.Scopes = name, nil, identity.AuthAsymmetric, []identity.GrantType{identity.ClientCredentials}, smart.Scopes{"system/*.rs"}
			keys(c)
		})
		p.token(backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).want(200)
	}
	if method != http.MethodGet {
		t.Errorf("the keys were fetched with %q", method)
	}
}

func TestDevelopersAreRemindedOfKeysThatChange(t *testing.T) {
	p := practice(t)
	g := p.visit("dev", "/account/developer/new")
	g.want(200).has("whenever the keys change")
	u, err := p.identity.UserByLogin(t.Context(), "dev")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := p.register(func(c *identity.Client) {
		c.Owner, c.Auth, c.JWKS = u.ID, identity.AuthAsymmetric, keySet(map[string]crypto.PublicKey{"e": ecKey().Public()})
	})
	g.get("/account/developer/app/" + c.ID).want(200).has("when they change")
}

func TestServicesHaveNoSecrets(t *testing.T) {
	p := newPlace(t)
	_, err := p.identity.CreateClient(t.Context(), &identity.Client{
		Name: "Reports", Auth: identity.AuthBasic, Grants: []identity.GrantType{identity.ClientCredentials}, Scopes: smart.Scopes{"system/*.rs"},
	})
	if err == nil || !strings.Contains(err.Error(), "private_key_jwt") {
		t.Errorf("%v", err)
	}
	c, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	p.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {secret}, "scope": {"system/*.rs"}}).refused(400, identity.UnauthorizedClient)
}

func TestAContextIsGivenWhateverRoleWasAskedFor(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) {
		c.Scopes = append(c.Scopes, "launch/imagingstudy?role=https://x.example/unknown")
	})
	launched := p.ehr()(`{"client_id":"` + c.ID + `","user":"noor","patient":"ann","fhirContext":[{"reference":"ImagingStudy/a"}]}`).want(201).json()
	ask := p.ask(c, "launch launch/imagingstudy?role=https://x.example/unknown patient/*.rs")
	handle, _ := launched["launch"].(string)
	ask.Set("launch", handle)
	p.token(codeForm(c, p.browser().open(ask).signIn("noor").allow().Get("code"))).want(200).has(`"fhirContext":[{"reference":"ImagingStudy/a"}]`)
}

func TestALinkedPatientIsNotOpen(t *testing.T) {
	p := practice(t)
	p.put(`{"resourceType":"Patient","id":"ann","link":[{"other":{"reference":"Patient/bob"},"type":"seealso"}]}`,
		`{"resourceType":"Patient","id":"bob","link":[{"other":{"reference":"Patient/ann"},"type":"seealso"}]}`)
	c, _ := p.register()
	token := p.accessToken(c, "launch/patient patient/*.rs", "ann")
	p.fhir("Patient/ann", token).want(200)
	p.fhir("Patient/bob", token).want(404)
	if a := p.fhir("Patient?_id=ann&_include=Patient:link&_revinclude=Patient:link", token).want(200); strings.Contains(a.body, `Patient/bob"`) && strings.Contains(a.body, `"id":"bob"`) {
		t.Errorf("%s", a.body)
	}
}
