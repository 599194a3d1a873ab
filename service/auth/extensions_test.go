package auth_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestIntrospectionTellsWhatAPatientsConsentsComeTo(t *testing.T) {
	p := practice(t)
	c, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	code := p.browser().open(p.ask(c, "launch/patient patient/*.rs")).signIn("dora").send("patient", "ann").allow().Get("code")
	form := codeForm(c, code)
	form.Set("client_secret", secret)
	token := p.token(form).want(200).json()["access_token"].(string)
	b := p.backend("system/*.rs", identity.ScopeIntrospect)
	pcf := func() map[string]any {
		t.Helper()
		bearer := p.token(backendForm(identity.ScopeIntrospect, signed(jose.ES384, ecKey(), headers("e"), p.claims(b)))).want(200).json()["access_token"].(string)
		told := p.do(p.client, "POST", p.url+"/auth/introspect", url.Values{"token": {token}}, "Authorization", "Bearer "+bearer).want(200).json()
		extensions, _ := told["extensions"].(map[string]any)
		want := map[string]any{
			"purpose_of_use": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "FAMRQT"}},
			"person_id":      p.url + "/fhir/Patient/ann",
		}
		if diff := cmp.Diff(want, extensions["ihe_iua"]); diff != "" {
			t.Error(diff)
		}
		all, _ := extensions["ihe_pcf"].(map[string]any)
		return all
	}
	if before := pcf(); before["doc_id"] != nil {
		t.Errorf("without a consent: %v", before)
	}
	p.put(`{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],"policy":[{"uri":"https://policy.example"}],
		"patient":{"reference":"Patient/ann"},"dateTime":"2026-02-01","provision":{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"recipient"},"reference":{"reference":"RelatedPerson/for-ann"}}],
		"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}]}}`)
	got := pcf()
	for name, want := range map[string]any{"patient_id": p.url + "/fhir/Patient/ann", "doc_id": []any{p.url + "/fhir/Consent/c"}, "acp": []any{"https://policy.example"}} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	rules, err := json.Marshal(got["residual"])
	if err != nil {
		t.Fatal(err)
	}
	first, _ := got["residual"].([]any)
	if want := map[string]any{"type": "forbid", "securityLabel": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}}}; len(first) == 0 || cmp.Diff(want, first[0]) != "" {
		t.Errorf("the residual rules: %s", rules)
	}
	own := p.do(p.client, "POST", p.url+"/auth/introspect", url.Values{"token": {token}, "client_id": {c.ID}, "client_secret": {secret}}).want(200).json()
	if extensions, _ := own["extensions"].(map[string]any); extensions["ihe_iua"] == nil || extensions["ihe_pcf"] != nil {
		t.Errorf("an app is told what is hidden from it: %v", own)
	}
	p.denies("c", "ann", `{"reference":"RelatedPerson/for-ann"}`)
	if diff := cmp.Diff([]any{map[string]any{"type": "forbid"}}, pcf()["residual"]); diff != "" {
		t.Error(diff)
	}
}

// A JWT for another server says for which patient and purpose it is, and not what the
// patient decided: the app can read it. That server learns it by introspection.
func TestATokenForAnOutsideServerSaysForWhomAndWhatFor(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	err := p.identity.SetResourceServer(t.Context(), identity.ResourceServer{URI: "https://images.example", Name: "Images", Scopes: smart.Scopes{"patient/ImagingStudy.rs"}})
	if err != nil {
		t.Fatal(err)
	}
	p.put(`{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],"policy":[{"uri":"https://policy.example"}],
		"patient":{"reference":"Patient/ann"},"dateTime":"2026-02-01","provision":{"type":"permit","provision":[{"type":"deny",
		"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}]}}`)
	b := p.backend("system/*.rs", identity.ScopeIntrospect)
	set, err := p.identity.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	person := p.url + "/fhir/Patient/ann"
	for _, one := range []struct {
		who  string
		want map[string]any
	}{
		{"noor", map[string]any{"ihe_iua": map[string]any{
			"purpose_of_use": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}}, "person_id": person,
		}}},
		{"dora", map[string]any{"ihe_iua": map[string]any{"person_id": person}}},
	} {
		code := p.browser().open(p.ask(c, "launch/patient offline_access patient/*.rs")).signIn(one.who).send("patient", "ann").allow().Get("code")
		form := refreshForm(c, p.token(codeForm(c, code)).want(200).json()["refresh_token"].(string))
		form.Set("resource", "https://images.example")
		token := p.token(form).want(200).json()["access_token"].(string)
		parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := parsed.Claims(set, &claims); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(one.want, claims["extensions"]); diff != "" {
			t.Errorf("%s: %s", one.who, diff)
		}
		bearer := p.token(backendForm(identity.ScopeIntrospect, signed(jose.ES384, ecKey(), headers("e"), p.claims(b)))).want(200).json()["access_token"].(string)
		told := p.do(p.client, "POST", p.url+"/auth/introspect", url.Values{"token": {token}}, "Authorization", "Bearer "+bearer).want(200).json()
		extensions, _ := told["extensions"].(map[string]any)
		if pcf, _ := extensions["ihe_pcf"].(map[string]any); pcf["residual"] == nil {
			t.Errorf("%s: the server is not told what is kept from the app: %v", one.who, told)
		}
	}
}
