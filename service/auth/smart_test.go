package auth_test

import (
	"encoding/json"
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
	list, _ := newPlace(t).discovery()["capabilities"].([]any)
	var got []string
	for _, one := range list {
		got = append(got, one.(string))
	}
	// All of them are real, and each is shown by a test of its own; one more would
	// need one, too.
	want := []string{
		"launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric", "client-confidential-asymmetric",
		"sso-openid-connect", "context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient",
		"context-standalone-encounter", "permission-offline", "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
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
		case text != smart.Launch: // it comes of a launch only
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

func TestOnlyWhoAsksForItGetsAnIDToken(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	for scope, want := range map[string]bool{"patient/*.rs": false, "fhirUser patient/*.rs": false, "openid": true} {
		if got := p.tokens(c, scope, "ann")["id_token"] != nil; got != want {
			t.Errorf("%s: %v", scope, got)
		}
	}
}

func TestWhichAppsMayStayIsDecidedWhenTheyAreRegistered(t *testing.T) {
	p := practice(t)
	for name, change := range map[string]func(*identity.Client){
		"no scope for it": func(c *identity.Client) { c.Scopes = smart.Scopes{"patient/*.rs"} },
		"no grant for it": func(c *identity.Client) { c.Grants = []identity.GrantType{identity.AuthorizationCode} },
	} {
		c, _ := p.register(change)
		for _, stay := range []string{"offline_access", "online_access"} {
			if tokens := p.tokens(c, stay+" patient/*.rs", "ann"); tokens["refresh_token"] != nil || tokens["scope"] != "patient/*.rs" {
				t.Errorf("%s: %v", name, tokens)
			}
		}
	}
}

func TestTokensOfAPublicAppCanEndSoonerThanThoseOfAConfidentialOne(t *testing.T) {
	p := practice(t)
	public, _ := p.register(func(c *identity.Client) { c.AccessFor, c.RefreshFor = 10*time.Minute, 90*24*time.Hour })
	confidential, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	tokens := p.tokens(public, "offline_access patient/*.rs", "ann")
	form := codeForm(confidential, p.browser().code(confidential, "patient/*.rs", "ann"))
	form.Set("client_secret", secret)
	other := p.token(form).want(200).json()
	if tokens["expires_in"] != 600.0 || other["expires_in"] != 3600.0 {
		t.Errorf("%v, %v", tokens["expires_in"], other["expires_in"])
	}
	access, _ := tokens["access_token"].(string)
	refresh, _ := tokens["refresh_token"].(string)
	lasting, _ := other["access_token"].(string)
	p.clock.Pass(10 * time.Minute)
	p.fhir("Patient/ann", access).want(401)
	p.fhir("Patient/ann", lasting).want(200)
	p.clock.Pass(90 * 24 * time.Hour)
	p.token(refreshForm(public, refresh)).refused(400, identity.InvalidGrant)
}

func TestATokenForAppStateSaysWhereItIsGood(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) { c.Scopes = append(c.Scopes, settingsScope) })
	tokens := p.tokens(c, "launch/patient patient/Patient.rs "+settingsScope, "ann")
	got, _ := json.Marshal(tokens["authorization_details"])
	want := `[{"fhirVersions":["4.0.1"],"locations":["` + p.url + `/fhir"],"type":"smart_on_fhir"},` +
		`{"fhirVersions":["4.0.1"],"locations":["` + p.url + `/app-state"],"scope":"` + settingsScope + `","type":"smart_on_fhir"}]`
	if string(got) != want {
		t.Errorf("%s, not %s", got, want)
	}
	access, _ := tokens["access_token"].(string)
	header := []string{"Authorization", "Bearer " + access}
	p.do(p.client, "GET", p.url+"/app-state/Basic?subject:missing=true&code="+url.QueryEscape(settings), nil, header...).want(200)
	p.fhir("Patient/ann", access).want(200)
	// Where it is good at one server only there is nothing to say.
	for _, scope := range []string{"patient/*.rs", "patient/Basic.cuds", "patient/Basic.cuds?code=https://app.example|another"} {
		if tokens := p.tokens(c, scope, "ann"); tokens["authorization_details"] != nil {
			t.Errorf("%s: %v", scope, tokens)
		}
	}
}

func TestAnIDTokenHintSaysWhoHasToBeSignedIn(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	tokens := p.token(codeForm(c, b.code(c, "openid patient/*.rs", "ann"))).want(200).json()
	hint, _ := tokens["id_token"].(string)
	p.clock.Pass(20 * time.Minute) // it has expired; as a hint it is good
	ask := p.ask(c, "patient/*.rs")
	ask.Set("id_token_hint", hint)
	ask.Set("prompt", "consent")
	b.open(ask).want(200).has("Allow Growth Chart access?")
	other := p.browser()
	if got := other.open(ask).signIn("dora").location().Query().Get("error"); got != "login_required" {
		t.Errorf("somebody else signs in: %q", got)
	}
	ask.Set("prompt", "none")
	if got := other.do(other.http, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location().Query().Get("error"); got != "login_required" {
		t.Errorf("somebody else is signed in: %q", got)
	}
	p.clock.Pass(time.Second)
	ask.Set("prompt", "login")
	other.open(ask).signIn("ann").want(200).has("Allow Growth Chart access?")
	foreign, _ := p.register()
	ask.Set("client_id", foreign.ID)
	for _, text := range []string{hint, "x", hint + "x"} {
		ask.Set("id_token_hint", text)
		if got := b.do(b.http, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location().Query().Get("error"); got != "invalid_request" {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestParametersOfOpenIDConnectThatChangeNothingAreNoErrors(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	ask := p.ask(c, "openid")
	for name, value := range map[string]string{
		"display": "popup", "ui_locales": "de fr", "claims_locales": "de", "acr_values": "urn:x", "claims": `{"id_token":{"acr":null}}`, "unheard_of": "x",
	} {
		ask.Set(name, value)
	}
	if got := p.browser().open(ask).signIn("ann").allow().Get("code"); got == "" {
		t.Error("no code")
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
	if len(token) < 32 || len(token) > 64 || strings.ContainsFunc(token, func(r rune) bool {
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
	const items = `[{"reference":"ImagingStudy/a","role":""},{"reference":"ImagingStudy/b","role":"launch"},{"reference":"Patient/bob","role":"https://x.example/donor"},` +
		`{"canonical":"http://x.example/Questionnaire/q|1.0","type":"Questionnaire","role":"https://x.example/donor"},{"identifier":{"system":"urn:x","value":"1"},"type":"ServiceRequest"}]`
	launched := p.ehr()(`{"client_id":"` + c.ID + `","user":"noor","patient":"ann","fhirContext":` + items + `}`).want(201).json()
	ask := p.ask(c, "launch patient/*.rs")
	handle, _ := launched["launch"].(string)
	ask.Set("launch", handle)
	tokens := p.token(codeForm(c, p.browser().open(ask).signIn("noor").allow().Get("code"))).want(200).json()
	var want any
	if err := json.Unmarshal([]byte(strings.Replace(items, `,"role":""`, "", 1)), &want); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(tokens["fhirContext"])
	expected, _ := json.Marshal(want)
	if string(got) != string(expected) {
		t.Errorf("%s, not %s", got, expected)
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

func TestAContextIsGivenWhateverRoleWasAskedFor(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) {
		c.Scopes = append(c.Scopes, "launch/imagingstudy?role=https://x.example/unknown")
	})
	launched := p.ehr()(`{"client_id":"` + c.ID + `","user":"noor","patient":"ann","fhirContext":[{"reference":"ImagingStudy/a"},{"reference":"ImagingStudy/b","role":"https://x.example/another"}]}`).want(201).json()
	const asked = "launch launch/imagingstudy?role=https://x.example/unknown patient/*.rs"
	ask := p.ask(c, asked)
	handle, _ := launched["launch"].(string)
	ask.Set("launch", handle)
	p.token(codeForm(c, p.browser().open(ask).signIn("noor").allow().Get("code"))).want(200).
		has(`"fhirContext":[{"reference":"ImagingStudy/a"},{"reference":"ImagingStudy/b","role":"https://x.example/another"}]`, `"scope":"`+asked+`"`)
	// An app that is registered for a kind of context may ask for it in any role.
	tokens := p.tokens(c, "launch/patient?role=https://x.example/unknown user/Observation.rs", "ann")
	if tokens["patient"] != "ann" {
		t.Error(tokens)
	}
}

// What the guide wants the documentation to say, the server's own says.
func TestALinkedPatientIsNotOpen(t *testing.T) {
	p := practice(t)
	p.put(`{"resourceType":"Patient","id":"ann","link":[{"other":{"reference":"Patient/bob"},"type":"seealso"}]}`,
		`{"resourceType":"Patient","id":"bob","link":[{"other":{"reference":"Patient/ann"},"type":"seealso"}]}`)
	c, _ := p.register()
	token := p.accessToken(c, "launch/patient patient/*.rs", "ann")
	p.fhir("metadata", "").want(200).has("Patient.link gives access to nothing of the other Patient.")
	p.fhir("Patient/ann", token).want(200)
	p.fhir("Patient/bob", token).want(404)
	if a := p.fhir("Patient?_id=ann&_include=Patient:link&_revinclude=Patient:link", token).want(200); strings.Contains(a.body, `Patient/bob"`) && strings.Contains(a.body, `"id":"bob"`) {
		t.Errorf("%s", a.body)
	}
}
