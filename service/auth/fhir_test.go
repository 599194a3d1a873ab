package auth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// fhir sends a request to the FHIR API with a token, "" for none.
func (p *place) fhir(path, token string) answer {
	p.t.Helper()
	var header []string
	if token != "" {
		header = []string{"Authorization", "Bearer " + token}
	}
	return p.do(p.client, "GET", p.url+"/fhir/"+path, nil, header...)
}

func TestTheFHIRAPIAsksForAToken(t *testing.T) {
	p := practice(t)
	for _, authorization := range []string{"", "Basic YW5uOng=", "Negotiate x"} {
		a := p.do(p.client, "GET", p.url+"/fhir/Patient/ann", nil, "Authorization", authorization).want(401)
		if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="`+p.url+`/fhir"` {
			t.Errorf("%q: %s", authorization, got)
		}
	}
	if got := p.fhir("Patient/ann", "igl_at_x").want(401).header.Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
		t.Error(got)
	}
	p.do(p.client, "GET", p.url+"/fhir/Patient/ann?access_token=igl_at_x", nil).want(401)
	p.fhir("metadata", "").want(200).has(p.url+"/auth/authorize", p.url+"/auth/token")
}

func TestATokenOpensThePatientInContextOnly(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "launch/patient patient/Patient.rs")).signIn("noor").send("patient", "ann")
	token := p.token(codeForm(c, g.allow().Get("code"))).want(200).json()["access_token"].(string)
	p.fhir("Patient/ann", token).want(200)
	p.fhir("Patient/bob", token).want(404)
	if got := p.fhir("Encounter?patient=ann", token).want(403).header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_scope"`) {
		t.Error(got)
	}
	p.clock.Pass(time.Hour)
	p.fhir("Patient/ann", token).want(401)
}

func TestTheFHIRUserOfATokenCanBeRead(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	token := p.tokens(c, "openid fhirUser patient/Observation.rs", "ann")["access_token"].(string)
	p.fhir("Patient/ann", token).want(200)
	p.fhir("Patient/bob", token).want(404)
}

func TestUserScopesOfAPatientReachNobodyElse(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	token := p.tokens(c, "user/*.rs", "ann")["access_token"].(string)
	p.fhir("Patient/ann", token).want(200)
	p.fhir("Patient/bob", token).want(404)
	if got := p.fhir("Patient?_summary=count", token).want(200).json()["total"]; got != 1.0 {
		t.Errorf("%v patients", got)
	}
	staff := p.tokens(c, "user/Patient.rs", "noor")["access_token"].(string)
	p.fhir("Patient/bob", staff).want(200)
}

func TestATokenOfSomebodyWhoActedForAPatientEndsWithThat(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "launch/patient patient/*.cruds")).signIn("dora").send("patient", "ann")
	token := p.token(codeForm(c, g.allow().Get("code"))).want(200).json()["access_token"].(string)
	own := p.tokens(c, "patient/*.rs", "ann")["access_token"].(string)
	for _, rest := range []string{`"active":false`, `"period":{"end":"2026-02-28"}`} {
		p.fhir("Patient/ann", token).want(200)
		p.put(`{"resourceType":"RelatedPerson","id":"for-ann",` + rest + `,"patient":{"reference":"Patient/ann"}}`)
		if got := p.fhir("Patient/ann", token).want(401).header.Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
			t.Error(got)
		}
		// Nor can the token bring it back.
		p.do(p.client, "DELETE", p.url+"/fhir/RelatedPerson/for-ann", nil, "Authorization", "Bearer "+token).want(401)
		p.fhir("Patient/ann", own).want(200)
		p.put(`{"resourceType":"RelatedPerson","id":"for-ann","patient":{"reference":"Patient/ann"}}`)
	}
}

// What a token is for ends everywhere, not at the records only.
func TestWhatTheUserMayNoLongerDoEndsEverywhere(t *testing.T) {
	for name, end := range map[string]func(*place, *identity.User) error{
		"a relation that is over": func(p *place, _ *identity.User) error {
			p.put(`{"resourceType":"RelatedPerson","id":"for-ann","period":{"end":"2026-02-28"},"patient":{"reference":"Patient/ann"}}`)
			return nil
		},
		"a link that is removed": func(p *place, _ *identity.User) error {
			p.put(`{"resourceType":"Person","id":"dora","link":[{"target":{"reference":"Patient/bob"}}]}`)
			return nil
		},
		"a role that is removed": func(p *place, u *identity.User) error {
			u.Roles = nil
			_, err := p.identity.UpdateUser(p.t.Context(), *u)
			return err
		},
		"a user who is disabled": func(p *place, u *identity.User) error {
			u.Disabled = true
			_, err := p.identity.UpdateUser(p.t.Context(), *u)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := practice(t)
			c, secret := p.register(func(c *identity.Client) {
				c.Auth = identity.AuthPost
				c.Scopes = append(c.Scopes, settingsScope)
			})
			prove := func(form url.Values) url.Values {
				form.Set("client_id", c.ID)
				form.Set("client_secret", secret)
				return form
			}
			g := p.browser().open(p.ask(c, "openid fhirUser offline_access launch/patient patient/*.rs "+settingsScope)).signIn("dora").send("patient", "ann")
			first := p.token(prove(codeForm(c, g.allow().Get("code")))).want(200).json()
			old := first["refresh_token"].(string)
			tokens := p.token(prove(refreshForm(c, old))).want(200).json()
			access, refresh := tokens["access_token"].(string), tokens["refresh_token"].(string)
			status := func(active bool) {
				t.Helper()
				want := map[bool]int{true: 200, false: 401}[active]
				p.fhir("Patient/ann", access).want(want)
				p.do(p.client, "GET", p.url+"/auth/userinfo", nil, "Authorization", "Bearer "+access).want(want)
				k := keeper{p, access}
				k.state("GET", k.find(), "").want(want)
				for _, token := range []string{access, refresh} {
					got := p.do(p.client, "POST", p.url+"/auth/introspect", prove(url.Values{"token": {token}})).want(200)
					if got.json()["active"] != active || !active && strings.TrimSpace(got.body) != `{"active":false}` {
						t.Error(got.body)
					}
				}
			}
			status(true)
			u, err := p.identity.UserByLogin(t.Context(), "dora")
			if err == nil {
				err = end(p, u)
			}
			if err != nil {
				t.Fatal(err)
			}
			status(false)
			for _, token := range []string{refresh, old} { // the old one was good for a moment more
				p.token(prove(refreshForm(c, token))).refused(400, identity.InvalidGrant)
			}
		})
	}
}

func TestARevokedGrantEndsAtTheNextRequest(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	token := p.tokens(c, "offline_access patient/*.rs", "ann")["access_token"].(string)
	p.fhir("Patient/ann", token).want(200)
	u, err := p.identity.UserByLogin(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	grants, err := p.identity.Grants(t.Context(), u.ID)
	if err != nil || len(grants) != 1 {
		t.Fatal(grants, err)
	}
	if err := p.identity.RevokeGrant(t.Context(), grants[0].ID, "test"); err != nil {
		t.Fatal(err)
	}
	p.fhir("Patient/ann", token).want(401)
}

func TestATokenOfAnAdministratorOpensWhatItSays(t *testing.T) {
	p := practice(t)
	token, err := p.identity.CreateToken(t.Context(), "nightly report", smart.Scopes{"system/Patient.rs"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p.fhir("Patient/bob", token).want(200)
	p.fhir("Encounter/visit", token).want(403)
	if err := p.identity.RevokeToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	p.fhir("Patient/bob", token).want(401)
	for _, scopes := range []smart.Scopes{nil, {"patient/*.rs"}, {"openid"}} {
		if _, err := p.identity.CreateToken(t.Context(), "x", scopes, time.Hour); err == nil {
			t.Errorf("%v", scopes)
		}
	}
}

func TestPagesOfRegisteredOriginsMayReadRecords(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	token := p.tokens(c, "patient/*.rs", "ann")["access_token"].(string)
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": ""} {
		a := p.do(p.client, "GET", p.url+"/fhir/Patient/ann", nil, "Origin", origin, "Authorization", "Bearer "+token)
		if got := a.header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: %q", origin, got)
		}
	}
}
