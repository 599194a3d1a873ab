package portal_test

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/portal"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// place is a server of a test's own, with a portal: ann and her daughter
// eve, for whom mum acts; dr, who works there; lone, without a record.
type place struct {
	t        *testing.T
	url      string
	identity *identity.Service
	door     *records.Door
}

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// openStore opens PostgreSQL for tests whose name says so.
func openStore(t *testing.T) store.Store {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var s store.Store
	var err error
	if strings.HasSuffix(t.Name(), "PostgreSQL") {
		s, err = postgres.Open(ctx, pgtest.URL(t), pgtest.Schema())
	} else {
		s, err = sqlite.Open(ctx, t.TempDir())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plain is an audit.Sealer that seals nothing.
type plain struct{}

func (plain) Seal(_ string, secret []byte) ([]byte, error) { return secret, nil }
func (plain) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

func newPlace(t *testing.T) *place {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	p := &place{t: t}
	handler := http.NewServeMux()
	server := httptest.NewServer(handler)
	p.url = server.URL
	kept := openStore(t)
	log, err := audit.Open(ctx, audit.Config{Store: kept, Secret: plain{}, Origin: p.url})
	if err != nil {
		t.Fatal(err)
	}
	p.door, err = records.Open(ctx, records.Config{Store: kept, Definitions: definitions.MustBuiltIn(definitions.R4), Base: p.url + "/fhir", Policy: records.DefaultPolicy(), Audit: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		if err := p.door.Close(); err != nil {
			t.Error(err)
		}
	})
	logins := []string{"ann", "mum", "dr", "lone", "gone"}
	p.identity, err = identity.Open(ctx, identity.Config{Store: kept, Issuer: p.url, Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key")), AllowPrivate: true, Sandbox: logins})
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	house := &pages.House{Log: quiet, Entrances: []pages.Entrance{{Name: portal.Name, Path: portal.Path, Roles: portal.Roles}}}
	a := auth.New(auth.Config{Tenants: []auth.Tenant{{Door: p.door, Identity: p.identity}}, Log: quiet, House: house})
	house.Visitors = a
	site := web.New(web.Config{Log: quiet})
	a.Mount(site)
	house.Mount(site)
	portal.Mount(site, house)
	fhirapi.New(fhirapi.Config{
		Tenants: records.NewTenants(p.door), Version: "test", Log: quiet, Start: true, Authenticate: a.Authenticate, Origins: a.KnownOrigin, Ask: a.Ask, BreakGlass: a.BreakGlass, MendGlass: a.MendGlass,
		OAuth: func(d *records.Door) fhirapi.OAuth { return fhirapi.OAuth(a.Endpoints(d)) },
	}).Mount(site)
	handler.Handle("/", site)
	p.put(
		`{"resourceType":"Practitioner","id":"dr","name":[{"text":"Dr. Noor"}]}`,
		`{"resourceType":"Patient","id":"ann","name":[{"family":"Archer","given":["Ann"]}],"birthDate":"1980-02-03","generalPractitioner":[{"reference":"Practitioner/dr"}]}`,
		`{"resourceType":"Patient","id":"eve","name":[{"family":"Archer","given":["Eve"]}],"birthDate":"2019-02-03"}`,
		`{"resourceType":"Patient","id":"bob","name":[{"family":"Baker","given":["Bob"]}]}`,
		`{"resourceType":"RelatedPerson","id":"mum-of-eve","patient":{"reference":"Patient/eve"},"name":[{"text":"Mum Archer"}],"relationship":[{"text":"mother"}]}`,
	)
	p.user("ann", identity.Patient, identity.Link{Type: "Patient", ID: "ann"})
	p.user("mum", identity.Proxy, identity.Link{Type: "RelatedPerson", ID: "mum-of-eve"})
	p.user("dr", identity.Practitioner, identity.Link{Type: "Practitioner", ID: "dr"})
	p.user("lone", identity.Patient)
	p.user("gone", identity.Patient, identity.Link{Type: "Patient", ID: "not-there"})
	return p
}

func (p *place) user(login string, role identity.Role, links ...identity.Link) {
	p.t.Helper()
	if _, err := p.identity.CreateUser(p.t.Context(), identity.User{Login: login, Name: "User " + login, Roles: []identity.Role{role}, Links: links}); err != nil {
		p.t.Fatal(err)
	}
}

// put stores resources.
func (p *place) put(resources ...string) {
	p.t.Helper()
	s := p.door.Session(records.Principal{ID: "test"}, nil)
	for _, text := range resources {
		var k struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			p.t.Fatal(err)
		}
		if _, err := s.Update(p.t.Context(), fhir.Key{Type: fhir.Type(k.ResourceType), ID: fhir.ID(k.ID)}, records.Content{JSON: []byte(text)}, records.UpdateOptions{}); err != nil {
			p.t.Fatalf("%v: %s", err, text)
		}
	}
}

// visitor is somebody with a browser.
type visitor struct {
	*place
	login string
	http  *http.Client
}

// visit signs somebody in.
func (p *place) visit(login string) visitor {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	v := visitor{p, login, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	v.do("POST", "/account/sign-in", url.Values{"as": {login}, "next": {"/portal"}}, "Sec-Fetch-Site", "same-origin").want(http.StatusSeeOther)
	return v
}

// answer is one HTTP answer.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (v visitor) do(method, path string, form url.Values, header ...string) answer {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return v.request(r)
}

func (v visitor) request(r *http.Request) answer {
	v.t.Helper()
	resp, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer{v.t, resp.StatusCode, resp.Header, string(text)}
}

func (v visitor) get(path string) answer { v.t.Helper(); return v.do("GET", path, nil) }

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// send sends a form from its page, with the pairs of name and value.
func (v visitor) send(path string, pairs ...string) answer {
	v.t.Helper()
	page := v.get(path).want(http.StatusOK)
	m := tokenField.FindStringSubmatch(page.body)
	if m == nil {
		v.t.Fatalf("no form in %s", page.body)
	}
	form := url.Values{"token": {m[1]}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.do("POST", path, form, "Sec-Fetch-Site", "same-origin")
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, not %d: %s %s", a.status, status, a.header.Get("Location"), a.body)
	}
	return a
}

var personLink = identity.Link{Type: "Person", ID: "both"}

var space = regexp.MustCompile(`\s+`)
var tag = regexp.MustCompile(`<[^>]*>`)

// says is the text of the page without markup.
func (a answer) says() string {
	return space.ReplaceAllString(html.UnescapeString(tag.ReplaceAllString(a.body, " ")), " ")
}

func (a answer) has(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.says(), text) && !strings.Contains(a.body, text) {
			a.t.Errorf("no %q in %s", text, a.says())
		}
	}
	return a
}

func (a answer) lacks(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.says(), text) || strings.Contains(a.body, text) {
			a.t.Errorf("%q is in %s", text, a.says())
		}
	}
	return a
}

// app has somebody allow an app scopes for a patient, and returns it with a token.
func (v visitor) app(patient string, scopes ...string) (*identity.Client, string) {
	v.t.Helper()
	ctx := v.t.Context()
	c := &identity.Client{
		Name: "Growth Chart", Auth: identity.AuthNone, Redirects: []string{"https://app.example/back"}, Approved: true,
		Grants: []identity.GrantType{identity.AuthorizationCode, identity.RefreshToken}, Scopes: smart.Scopes{"openid", "launch/patient", "offline_access", "patient/*.cruds", "user/*.cruds"},
	}
	if _, err := v.identity.CreateClient(ctx, c); err != nil {
		v.t.Fatal(err)
	}
	return c, v.allow(c, patient, scopes...)
}

// challenge is the S256 of verifier.
const (
	verifier  = "a-verifier-that-is-long-enough-to-be-one-0123456789"
	challenge = "IdFsue1MJJJtybEPX0invmHHuW1I7Ai5LXVlXpENjsk"
)

func (v visitor) allow(c *identity.Client, patient string, scopes ...string) (token string) {
	v.t.Helper()
	ctx := v.t.Context()
	u, err := v.identity.UserByLogin(ctx, v.login)
	if err != nil {
		v.t.Fatal(err)
	}
	sessions, err := v.identity.Sessions(ctx, u.ID)
	if err != nil || len(sessions) == 0 {
		v.t.Fatal(err)
	}
	n, err := v.identity.SessionByID(ctx, sessions[0].ID)
	if err != nil {
		v.t.Fatal(err)
	}
	r := &identity.Request{Client: c.ID, Redirect: c.Redirects[0], Scopes: scopes, Challenge: challenge}
	if _, err := v.identity.StartRequest(ctx, r); err != nil {
		v.t.Fatal(err)
	}
	code, err := v.identity.Authorize(ctx, identity.Authorization{Request: r, Session: n, Scopes: scopes, Context: smart.Context{Patient: patient}})
	if err != nil {
		v.t.Fatal(err)
	}
	tokens, err := v.identity.Exchange(ctx, c, code, c.Redirects[0], verifier, "")
	if err != nil {
		v.t.Fatal(err)
	}
	return tokens.Access
}

// fhir asks the FHIR API with a token.
func (p *place) fhir(token, path string) answer {
	p.t.Helper()
	return visitor{p, "", http.DefaultClient}.do("GET", "/fhir/"+path, nil, "Authorization", "Bearer "+token)
}

// seen waits until what was counted is written.
func (p *place) seen() {
	p.t.Helper()
	if err := p.door.FlushUsage(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// json sends FHIR with a token.
func (v visitor) json(path, token, body string) answer {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.url+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/fhir+json")
	r.Header.Set("Authorization", "Bearer "+token)
	return v.request(r)
}

// consents are the Consents of a patient as they are stored.
func (p *place) consents(patient string) (all []string) {
	p.t.Helper()
	got, err := p.door.Session(records.Principal{ID: "test"}, nil).Search(p.t.Context(), records.SearchRequest{Type: "Consent", Pairs: []search.Pair{{Name: "patient", Value: patient}}})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range got.Entries {
		all = append(all, string(e.JSON))
	}
	return all
}
