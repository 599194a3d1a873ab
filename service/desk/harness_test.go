package desk_test

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
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/desk"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// workshop is a server with a developers' desk.
type workshop struct {
	t        *testing.T
	url      string
	door     *records.Door
	identity *identity.Service
	log      *audit.Log
	mu       sync.Mutex
	now      time.Time
}

func (w *workshop) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *workshop) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// plain is an audit.Sealer that seals nothing.
type plain struct{}

func (plain) Seal(_ string, secret []byte) ([]byte, error) { return secret, nil }
func (plain) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

var people = []identity.User{
	{Login: "dev", Name: "Dev", Roles: []identity.Role{identity.AppDeveloper, identity.Practitioner}, Links: []identity.Link{{Type: "Practitioner", ID: "noor"}}},
	{Login: "eve", Name: "Eve", Roles: []identity.Role{identity.AppDeveloper}},
	{Login: "root", Name: "Root", Roles: []identity.Role{identity.Administrator}},
	{Login: "ann", Name: "Ann", Roles: []identity.Role{identity.Patient}, Links: []identity.Link{{Type: "Patient", ID: "ann"}}},
}

// password is that of everybody where nobody signs in by one click.
const password = "a lamp in the window"

// newWorkshop opens one, a sandbox or one of real data.
func newWorkshop(t *testing.T, sandbox bool) *workshop {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	w := &workshop{t: t, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	w.url = server.URL
	kept := openStore(t)
	var err error
	if w.log, err = audit.Open(ctx, audit.Config{Store: kept, Secret: plain{}, Origin: w.url, Clock: w.time}); err != nil {
		t.Fatal(err)
	}
	policy := records.DefaultPolicy()
	policy.Explain = sandbox
	w.door, err = records.Open(ctx, records.Config{
		Store: kept, Definitions: definitions.MustBuiltIn(definitions.R4), Base: w.url + "/fhir", Policy: policy, Clock: w.time, Audit: w.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		if err := w.door.Close(); err != nil {
			t.Error(err)
		}
	})
	config := identity.Config{Store: kept, Issuer: w.url, Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key")), Clock: w.time, AllowPrivate: true}
	if sandbox {
		for _, u := range people {
			config.Sandbox = append(config.Sandbox, u.Login)
		}
	}
	if w.identity, err = identity.Open(ctx, config); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	house := &pages.House{Clock: w.time, Log: quiet, Sandbox: sandbox, Entrances: []pages.Entrance{{Name: desk.Name, Path: desk.Path, Roles: desk.Roles()}}}
	a := auth.New(auth.Config{Tenants: []auth.Tenant{{Door: w.door, Identity: w.identity}}, Log: quiet, Clock: w.time, House: house})
	house.Visitors = a
	site := web.New(web.Config{Log: quiet})
	a.Mount(site)
	house.Mount(site)
	desk.Mount(house, site)
	fhirapi.New(fhirapi.Config{Tenants: records.NewTenants(w.door), Version: "test", Log: quiet, Authenticate: a.Authenticate, Origins: a.KnownOrigin, Ask: a.Ask, BreakGlass: a.BreakGlass, MendGlass: a.MendGlass, Traced: a.Traced, Start: true,
		OAuth: func(d *records.Door) fhirapi.OAuth { return fhirapi.OAuth(a.Endpoints(d)) }}).Mount(site)
	mux.Handle("/", site)
	w.put(`{"resourceType":"Practitioner","id":"noor","name":[{"family":"Noor"}]}`,
		`{"resourceType":"Patient","id":"ann","name":[{"family":"Archer <script>alert(1)</script>","given":["Ann"]}],"birthDate":"1950-02-03"}`,
		`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/ann"}}`)
	for _, u := range people {
		made, err := w.identity.CreateUser(ctx, u)
		if err != nil {
			t.Fatal(err)
		}
		if !sandbox {
			if err := w.identity.SetPassword(ctx, made.ID, password); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

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

// put stores resources.
func (w *workshop) put(resources ...string) {
	w.t.Helper()
	s := w.door.Session(records.Principal{ID: "test"}, nil)
	for _, text := range resources {
		var k struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			w.t.Fatal(err)
		}
		if _, err := s.Update(w.t.Context(), fhir.Key{Type: fhir.Type(k.ResourceType), ID: fhir.ID(k.ID)}, records.Content{JSON: []byte(text)}, records.UpdateOptions{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// browser is somebody who is signed in.
type browser struct {
	*workshop
	http  *http.Client
	token string
}

// page is an answer.
type page struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	text   string // of the body, with entities resolved
}

// enter signs somebody in.
func (w *workshop) enter(login string) *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &browser{workshop: w, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	sign := b.get("/account/sign-in?next=/developers").want(200)
	form := url.Values{"next": {"/developers"}}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`).FindAllStringSubmatch(sign.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if w.identity.Sandbox() {
		form.Set("as", login)
	} else {
		form.Set("login", login)
		form.Set("password", password)
	}
	b.send("POST", "/account/sign-in", form).want(303)
	b.get("/account").want(200)
	return b
}

var formToken = regexp.MustCompile(`name="token" value="([^"]*)"`)

func (b *browser) get(path string) page {
	b.t.Helper()
	p := b.send("GET", path, nil)
	if m := formToken.FindStringSubmatch(p.body); m != nil {
		b.token = m[1]
	}
	return p
}

// post sends a form with the token of the page that was seen last.
func (b *browser) post(path string, pairs ...string) page {
	b.t.Helper()
	form := url.Values{"token": {b.token}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.send("POST", path, form)
}

func (b *browser) send(method, path string, form url.Values, header ...string) page {
	b.t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = b.url + path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{b.t, resp.StatusCode, resp.Header, string(text), html.UnescapeString(string(text))}
}

func (p page) want(status int) page {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("status %d, not %d: %s %s", p.status, status, p.header.Get("Location"), p.body)
	}
	if strings.Contains(p.body, "<script>alert") {
		p.t.Errorf("a script of somebody else is in %s", p.body)
	}
	return p
}

func (p page) has(texts ...string) page {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.text, text) {
			p.t.Errorf("no %q in %s", text, p.body)
		}
	}
	return p
}

func (p page) lacks(texts ...string) page {
	p.t.Helper()
	for _, text := range texts {
		if text == "" || strings.Contains(p.text, text) {
			p.t.Errorf("%q is in %s", text, p.body)
		}
	}
	return p
}

const back = "https://app.example/back"

// register registers an app by the form and returns its id and secret.
func (b *browser) register(pairs ...string) (id, secret string) {
	b.t.Helper()
	b.get("/developers/new").want(200)
	given := append([]string{"client_name", "Pulse", "redirect_uris", back, "scope", "openid launch launch/patient offline_access patient/*.cruds", "launch", "https://app.example/launch"}, pairs...)
	if len(pairs) == 0 {
		given = append(given, "kind", "public")
	}
	made := b.post("/developers/new", given...).want(200).has("Your app is registered")
	id = regexp.MustCompile(`/developers/app/([\w-]+)`).FindStringSubmatch(made.body)[1]
	return id, regexp.MustCompile(`igl_cs_[\w-]+`).FindString(made.body)
}
