package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// place is an authorization server of a test's own.
type place struct {
	t        *testing.T
	url      string // its issuer
	clock    *placetest.Clock
	identity *identity.Service
	door     *records.Door
	auth     *auth.Server
	client   *http.Client              // follows nothing and keeps nothing
	put      func(resources ...string) // stores resources
}

// limit sets rules of limits.
func (p *place) limit(rules ...string) {
	p.t.Helper()
	for _, text := range rules {
		r, err := limits.ParseRule(text)
		if err == nil {
			_, err = p.door.Limits().Put(context.WithoutCancel(p.t.Context()), r, "test")
		}
		if err != nil {
			p.t.Fatalf("%s: %v", text, err)
		}
	}
}

const password = "a lamp in the window"

type option func(*identity.Config, *auth.Config)

func newPlace(t *testing.T, options ...option) *place {
	t.Helper()
	p := &place{t: t, clock: &placetest.Clock{}}
	p.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var ac auth.Config
	opened := placetest.Open(t, placetest.Config{
		Records: func(c *records.Config) { c.Clock = p.clock.Time },
		Identity: func(c *identity.Config) {
			for _, o := range options {
				o(c, &ac)
			}
		},
		Auth: func(c *auth.Config) {
			ac.Log, ac.Clock = c.Log, c.Clock
			if ac.Tenants == nil {
				ac.Tenants = c.Tenants
			}
			*c = ac
		},
		Mount: func(p *placetest.Place) { p.MountFHIR(nil) },
	})
	p.url, p.identity, p.door, p.auth, p.put = opened.URL, opened.Identity, opened.Door, opened.Auth, opened.Put
	return p
}

func (p *place) user(login string, role identity.Role, links ...identity.Link) *identity.User {
	p.t.Helper()
	u, err := p.identity.CreateUser(p.t.Context(), identity.User{Login: login, Name: "User " + login, Roles: []identity.Role{role}, Links: links})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.identity.SetPassword(p.t.Context(), u.ID, password); err != nil {
		p.t.Fatal(err)
	}
	return u
}

const redirect = "https://app.example/back"

// register registers an approved app, public unless the changes say otherwise.
func (p *place) register(change ...func(*identity.Client)) (c *identity.Client, secret string) {
	p.t.Helper()
	c = &identity.Client{
		Name: "Growth Chart", Auth: identity.AuthNone, Redirects: []string{redirect}, Approved: true,
		Grants: []identity.GrantType{identity.AuthorizationCode, identity.RefreshToken},
		Scopes: smart.Scopes{"openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "online_access", "offline_access", "patient/*.cruds", "user/*.cruds"},
	}
	for _, f := range change {
		f(c)
	}
	secret, err := p.identity.CreateClient(p.t.Context(), c)
	if err != nil {
		p.t.Fatal(err)
	}
	return c, secret
}

const verifier = "a-verifier-that-is-long-enough-to-be-one-0123456789"

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ask are the parameters of an authorization request that is as it should be.
func (p *place) ask(c *identity.Client, scope string) url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {c.ID}, "redirect_uri": {redirect}, "scope": {scope}, "state": {"st=ate &1"},
		"aud": {p.url + "/fhir"}, "code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"},
	}
}

// answer is one HTTP answer.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (p *place) do(client *http.Client, method, address string, form url.Values, header ...string) answer {
	p.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, address, body)
	if err != nil {
		p.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return p.send(client, r)
}

func (p *place) send(client *http.Client, r *http.Request) answer {
	p.t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") && r.Method != http.MethodHead {
		for _, what := range inaccessible(string(text)) {
			p.t.Errorf("%s %s: %s in\n%s", r.Method, r.URL.Path, what, text)
		}
	}
	return answer{p.t, resp.StatusCode, resp.Header, string(text)}
}

// post sends JSON.
func (p *place) post(path, body string, header ...string) answer {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), "POST", p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return p.send(p.client, r)
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, not %d: %s %s", a.status, status, a.header.Get("Location"), a.body)
	}
	return a
}

func (a answer) has(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(a.body), text) {
			a.t.Errorf("no %q in %s", text, a.body)
		}
	}
	return a
}

// location is where a redirect leads.
func (a answer) location() *url.URL {
	a.t.Helper()
	u, err := url.Parse(a.header.Get("Location"))
	if a.status != http.StatusSeeOther || err != nil {
		a.t.Fatalf("no redirect: %d %v %s", a.status, err, a.body)
	}
	return u
}

// json decodes an answer.
func (a answer) json() map[string]any {
	a.t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

// refused says that an answer is an OAuth error.
func (a answer) refused(status int, code identity.Code) answer {
	a.t.Helper()
	a.want(status)
	if got := a.json()["error"]; got != string(code) {
		a.t.Errorf("error %v, not %s: %s", got, code, a.body)
	}
	return a
}

// browser keeps cookies as a browser does.
type browser struct {
	*place
	http *http.Client
}

func (p *place) browser() browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return browser{p, &http.Client{Jar: jar, CheckRedirect: p.client.CheckRedirect}}
}

// page is a page with a form.
type page struct {
	answer
	b       browser
	address string
}

var field = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// open begins an authorization request and shows its first page.
func (b browser) open(ask url.Values) page {
	b.t.Helper()
	return b.follow(b.do(b.http, "GET", b.url+"/auth/authorize?"+ask.Encode(), nil))
}

// follow follows redirects within the server; the last answer is a page, or a
// redirect to somewhere else.
func (b browser) follow(a answer) page {
	b.t.Helper()
	address := ""
	for a.status == http.StatusSeeOther && strings.HasPrefix(a.header.Get("Location"), b.url+"/") {
		address = a.header.Get("Location")
		a = b.do(b.http, "GET", address, nil)
	}
	return page{a, b, address}
}

// send sends the page's form with further fields: name, value, ...
func (g page) send(pairs ...string) page {
	g.t.Helper()
	form := url.Values{}
	for _, m := range field.FindAllStringSubmatch(g.body, -1) {
		form.Add(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	next := g.b.follow(g.b.do(g.b.http, "POST", g.address, form))
	if next.address == "" {
		next.address = g.address
	}
	return next
}

func (g page) signIn(login string) page {
	g.t.Helper()
	g.want(200).has("Sign in")
	return g.send("login", login, "password", password)
}

var ticked = regexp.MustCompile(`<input type="checkbox" name="scope" value="([^"]*)" checked>`)

// allow allows all that is ticked, or only those of the scopes.
func (g page) allow(scopes ...string) url.Values {
	g.t.Helper()
	return g.allowAt(redirect, scopes...)
}

// allowAt is allow for an app with another redirect address.
func (g page) allowAt(address string, scopes ...string) url.Values {
	g.t.Helper()
	g.want(200).has("Allow Growth Chart access?")
	pairs := []string{"allow", "1", "term", "open"}
	for _, m := range ticked.FindAllStringSubmatch(g.body, -1) {
		if scope := html.UnescapeString(m[1]); len(scopes) == 0 || slices.Contains(scopes, scope) {
			pairs = append(pairs, "scope", scope)
		}
	}
	for _, s := range scopes {
		if !slices.Contains(pairs, s) {
			pairs = append(pairs, "scope", s)
		}
	}
	back := g.send(pairs...).location()
	if !strings.HasPrefix(back.String(), address+"?") {
		g.t.Errorf("the browser is led to %s", back)
	}
	return back.Query()
}

// code goes through all pages and returns the code.
func (b browser) code(c *identity.Client, scope, login string) string {
	b.t.Helper()
	code := b.open(b.ask(c, scope)).signIn(login).allow().Get("code")
	if code == "" {
		b.t.Fatal("no code")
	}
	return code
}

// exchange asks for tokens.
func (p *place) token(form url.Values, header ...string) answer {
	p.t.Helper()
	return p.do(p.client, "POST", p.url+"/auth/token", form, header...)
}

func codeForm(c *identity.Client, code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "client_id": {c.ID}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
}

func refreshForm(c *identity.Client, token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {c.ID}, "refresh_token": {token}}
}

// practice is a place with a doctor, a patient and a daughter who acts for two.
func practice(t *testing.T, options ...option) *place {
	p := newPlace(t, options...)
	p.put(
		`{"resourceType":"Patient","id":"ann","name":[{"family":"Archer","given":["Ann"]}],"birthDate":"1950-02-03"}`,
		`{"resourceType":"Patient","id":"bob","name":[{"family":"Baker","given":["Bob"]}],"birthDate":"1951-02-03"}`,
		`{"resourceType":"Practitioner","id":"noor","name":[{"family":"Noor"}]}`,
		`{"resourceType":"RelatedPerson","id":"for-ann","patient":{"reference":"Patient/ann"}}`,
		`{"resourceType":"Person","id":"dora","link":[{"target":{"reference":"RelatedPerson/for-ann"}},{"target":{"reference":"Patient/bob"}}]}`,
		`{"resourceType":"Encounter","id":"visit","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB","display":"ambulatory"},"subject":{"reference":"Patient/ann"},"period":{"start":"2026-02-01T10:00:00Z","end":"2026-02-01T11:00:00Z"}}`,
	)
	p.user("noor", identity.Practitioner, identity.Link{Type: "Practitioner", ID: "noor", PractitionerRole: "gp"})
	p.user("ann", identity.Patient, identity.Link{Type: "Patient", ID: "ann"})
	p.user("dora", identity.Proxy, identity.Link{Type: "Person", ID: "dora"})
	p.user("dev", identity.AppDeveloper)
	return p
}
