package auth_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// nasty are texts that have broken servers.
var nasty = []string{
	"", "\x00", "a\x00b", "\xff\xfe", "\"", "'", "\\", "<script>", "%", "%00", "\r\nX: y", strings.Repeat("x", 5000), strings.Repeat("é", 300),
	"../../etc/passwd", "' OR '1'='1", "{}", "[]", "null", "-1", "99999999999999999999", "https://", "http://[::1", "a b", "igl_rt_", "igl_at_\x00", "igl_la_\xff", "igl_ac_%",
	"patient/*.rs?category=", "patient/Observation.rs?nonsense=1", "launch/", "launch/\x00", "patient/Observation.rs?code:in=x&_has:a:b:c=d",
}

func TestNothingMalformedIsTheServersFault(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) {
			p := practice(t)
			c, _ := p.register()
			b := p.browser()
			form := b.open(p.ask(c, "openid offline_access launch/patient patient/*.rs"))
			consent := form.signIn("noor").send("patient", "ann")
			tokens := p.tokens(c, "openid offline_access launch/patient patient/*.rs", "ann")
			ask := p.ask(c, "openid patient/*.rs")
			ask.Set("nonce", "n")
			ask.Set("login_hint", "ann")
			ask.Set("prompt", "login")
			ask.Set("max_age", "3")
			silent := p.ask(c, "openid patient/*.rs")
			silent.Set("prompt", "none")
			// The page's own form, in which nothing is wrong but how long: it is never
			// answered.
			page := url.Values{"allow": {"1"}, "term": {"never"}, "scope": {"openid", "offline_access"}}
			for _, m := range field.FindAllStringSubmatch(consent.body, -1) {
				page.Set(m[1], m[2])
			}
			consent.send("allow", "1", "term", "never", "scope", "openid", "scope", "offline_access").want(422).has("Choose for how long")
			for _, x := range []struct {
				method, path string
				values       url.Values
				more         []string // names of further parameters
			}{
				{"GET", "/auth/authorize", ask, []string{"launch", "id_token_hint", "response_mode", "request", "request_uri", "claims"}},
				{"POST", "/auth/authorize", ask, nil},
				{"GET", "/auth/authorize", silent, []string{"launch", "id_token_hint", "max_age"}},
				{"POST", strings.TrimPrefix(consent.address, p.url), page, []string{"patient", "encounter", "login", "code"}},
				{"GET", strings.TrimPrefix(form.address, p.url), url.Values{"name": {"x"}}, nil},
				{"POST", "/auth/token", codeForm(c, "x"), nil},
				{"POST", "/auth/token", refreshForm(c, tokens["refresh_token"].(string)), []string{"scope", "resource"}},
				{"POST", "/auth/token", url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertion}, "client_assertion": {"x"}, "scope": {"x"}, "resource": {"x"}}, nil},
				{"POST", "/auth/introspect", url.Values{"token": {"x"}, "client_id": {c.ID}, "client_secret": {"x"}}, nil},
				{"POST", "/auth/revoke", url.Values{"token": {"x"}, "client_id": {c.ID}}, nil},
				{"GET", "/auth/end-session", url.Values{"client_id": {c.ID}, "post_logout_redirect_uri": {"x"}, "state": {"x"}}, []string{"id_token_hint"}},
			} {
				for _, name := range slices.AppendSeq(x.more, maps.Keys(x.values)) {
					for _, text := range nasty {
						values := url.Values{}
						for k, v := range x.values {
							values[k] = v
						}
						values.Set(name, text)
						var a answer
						if x.method == "GET" {
							a = p.do(b.http, "GET", p.url+x.path+"?"+values.Encode(), nil)
						} else {
							a = p.do(b.http, "POST", p.url+x.path, values)
						}
						p.clock.Pass(200 * time.Millisecond) // so that nothing is limited
						if what := a.blame(x.path); what != "" || a.status == http.StatusTooManyRequests {
							t.Errorf("%s %s with %s=%q: %s: %d %s", x.method, x.path, name, text, what, a.status, a.body)
						}
					}
				}
			}
			for _, text := range nasty {
				if strings.ContainsAny(text, "\r\n\x00") {
					continue // no client can send such a header
				}
				for _, header := range []string{"Authorization", "Cookie", "Origin", "Content-Type"} {
					for _, value := range []string{text, "Basic " + text, "Bearer " + text, "ingle-session=" + text + "; ingle-request=" + text + "; ingle-sign-in=" + text} {
						for _, path := range []string{"/auth/token", "/auth/introspect", "/auth/userinfo", "/auth/launch", "/auth/end-session", strings.TrimPrefix(consent.address, p.url), "/auth/request/" + url.PathEscape(text)} {
							a := p.do(p.client, "POST", p.url+path, url.Values{"grant_type": {"refresh_token"}}, header, value)
							if what := a.blame(path); what != "" {
								t.Errorf("%s with %s: %q: %s: %d %s", path, header, value, what, a.status, a.body)
							}
							p.clock.Pass(200 * time.Millisecond)
						}
					}
				}
				for _, body := range []string{text, `{"client_name":` + quoted(text) + `}`, `{"client_id":` + quoted(text) + `,"user":` + quoted(text) + `,"fhirUser":` + quoted("Patient/"+text) + `}`} {
					for _, path := range []string{"/auth/register", "/auth/launch"} {
						p.clock.Pass(time.Minute)
						a := p.post(path, body, "Authorization", "Bearer "+tokens["access_token"].(string))
						if what := a.blame(path); what != "" {
							t.Errorf("%s with %q: %s: %d %s", path, body, what, a.status, a.body)
						}
					}
				}
			}
		})
	}
}

func quoted(text string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`) + `"`
}

func TestStateComesBackExactly(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	for _, state := range []string{"a b+c%20&d=e#f", "\xff\xfe\x00", "é", strings.Repeat("s", 4096)} {
		ask := p.ask(c, "patient/*.rs")
		ask.Set("state", state)
		if got := p.browser().open(ask).send("deny", "1").location().Query().Get("state"); got != state {
			t.Errorf("%q, not %q", got, state)
		}
	}
	ask := p.ask(c, "patient/*.rs")
	ask.Set("state", strings.Repeat("s", 4097))
	if got := p.do(p.client, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location().Query(); got.Get("error") != "invalid_request" || got.Has("state") {
		t.Error(got)
	}
}

func TestAFormThatWasShownToSomebodyElseIsShownAgain(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	for scope, shown := range map[string]string{"patient/*.rs": "Choose a patient", "openid": "Allow Growth Chart access?"} {
		b := p.browser()
		ann := b.open(p.ask(c, scope)).signIn("ann")
		p.clock.Pass(time.Second)
		ask := p.ask(c, scope)
		ask.Set("prompt", "login")
		b.open(ask).signIn("dora")
		ann.send("allow", "1", "scope", scope).want(200).has(shown)
	}
	if u, err := p.identity.UserByLogin(t.Context(), "dora"); err != nil {
		t.Fatal(err)
	} else if grants, err := p.identity.Grants(t.Context(), u.ID); err != nil || len(grants) > 0 {
		t.Error("dora allowed what ann was asked", err)
	}
}

func TestOfTooManyRegistrationsTheOldestMakeWay(t *testing.T) {
	p := household(t)
	register := func(owner string) string {
		t.Helper()
		p.clock.Pass(time.Second)
		c := &identity.Client{Name: "x", Auth: identity.AuthNone, Redirects: []string{redirect}, Scopes: smart.Scopes{"patient/*.rs"}, Grants: []identity.GrantType{identity.AuthorizationCode}, Owner: owner}
		if owner == "" {
			made, _, err := p.identity.Register(t.Context(), identity.Metadata{Name: "x", Auth: identity.AuthNone, Redirects: []string{redirect}})
			if err != nil {
				t.Fatal(err)
			}
			c = made
		} else if _, err := p.identity.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	there := func(id string) bool {
		_, err := p.identity.Client(t.Context(), id)
		return err == nil
	}
	approved, first, second, developers := register(""), register(""), register(""), register("dev")
	if err := p.identity.ApproveClient(t.Context(), approved); err != nil {
		t.Fatal(err)
	}
	var last string
	for range 499 {
		last = register("")
	}
	if there(first) || !there(second) || !there(last) || !there(approved) || !there(developers) {
		t.Errorf("of 501 the first is there: %v; the others: %v %v, an approved one: %v, a developer's: %v", there(first), there(second), there(last), there(approved), there(developers))
	}
}

func TestARegistrationThatNobodyApprovesIsForgotten(t *testing.T) {
	p := newPlace(t)
	c, _, err := p.identity.Register(t.Context(), identity.Metadata{Name: "x", Redirects: []string{redirect}})
	if err != nil {
		t.Fatal(err)
	}
	p.clock.Pass(31 * 24 * time.Hour)
	if err := p.identity.ApproveClient(t.Context(), c.ID); err == nil {
		t.Error("it is there")
	}
}
