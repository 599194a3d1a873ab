package clinic_test

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
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/clinic"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// ward is a server with a clinic, a doctor, a nurse, a clerk and two patients.
type ward struct {
	t        testing.TB
	url      string
	door     *records.Door
	identity *identity.Service
	mu       sync.Mutex
	now      time.Time
	stop     context.CancelFunc // as at the end of the server
	gate     *limits.Gate
}

func (w *ward) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *ward) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// plain is an audit.Sealer that seals nothing.
type plain struct{}

func (plain) Seal(_ string, secret []byte) ([]byte, error) { return secret, nil }
func (plain) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

var people = []identity.User{
	{Login: "noor", Name: "Dr. Noor", Roles: []identity.Role{identity.Practitioner}, Links: []identity.Link{{Type: "Practitioner", ID: "noor"}}},
	{Login: "ines", Name: "Ines", Roles: []identity.Role{identity.Nurse}},
	{Login: "desk", Name: "Desk", Roles: []identity.Role{identity.FrontDesk}},
	{Login: "vera", Name: "Vera", Roles: []identity.Role{identity.PrivacyOfficer}},
	{Login: "ann", Name: "Ann", Roles: []identity.Role{identity.Patient}, Links: []identity.Link{{Type: "Patient", ID: "ann"}}},
}

func newWard(t testing.TB) *ward {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w := &ward{t: t, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), stop: stop}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	w.url = server.URL
	kept := openStore(t)
	log, err := audit.Open(ctx, audit.Config{Store: kept, Secret: plain{}, Origin: w.url, Clock: w.time})
	if err != nil {
		t.Fatal(err)
	}
	w.door, err = records.Open(ctx, records.Config{
		Store: kept, Definitions: definitions.MustBuiltIn(definitions.R4), Base: w.url + "/fhir", Policy: records.DefaultPolicy(), Clock: w.time, Audit: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		server.Close()
		if err := w.door.Close(); err != nil {
			t.Error(err)
		}
	})
	var logins []string
	for _, u := range people {
		logins = append(logins, u.Login)
	}
	w.identity, err = identity.Open(ctx, identity.Config{
		Store: kept, Issuer: w.url, Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key")), Clock: w.time, AllowPrivate: true, Sandbox: logins,
	})
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	house := &pages.House{Clock: w.time, Log: quiet, Entrances: []pages.Entrance{{Name: clinic.Name, Path: clinic.Path, Roles: clinic.Roles()}}, Done: ctx.Done(), Gate: limits.NewGate(limits.GateConfig{Slots: 4, Each: 3, Waiting: 2})}
	w.gate = house.Gate
	server2 := auth.New(auth.Config{Tenants: []auth.Tenant{{Door: w.door, Identity: w.identity}}, Log: quiet, Clock: w.time, House: house})
	house.Visitors = server2
	site := web.New(web.Config{Log: quiet})
	server2.Mount(site)
	house.Mount(site)
	clinic.New(house).Mount(site)
	mux.Handle("/", site)
	w.put(`{"resourceType":"Practitioner","id":"noor","name":[{"family":"Noor"}]}`,
		`{"resourceType":"Patient","id":"ann","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"urn:mrn","value":"HS-1"}],"name":[{"family":"Archer","given":["Ann"]}],"gender":"female","birthDate":"1950-02-03"}`,
		`{"resourceType":"Patient","id":"bob"}`)
	for _, u := range people {
		if _, err := w.identity.CreateUser(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// openStore opens PostgreSQL for tests whose name says so.
func openStore(t testing.TB) store.Store {
	t.Helper()
	ctx := context.Background()
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
func (w *ward) put(resources ...string) {
	w.t.Helper()
	s := w.door.Session(records.Principal{ID: "test"}, nil)
	for _, text := range resources {
		var k struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			w.t.Fatal(err, text)
		}
		if _, err := s.Update(context.Background(), fhir.Key{Type: fhir.Type(k.ResourceType), ID: fhir.ID(k.ID)}, records.Content{JSON: []byte(text)}, records.UpdateOptions{}); err != nil {
			w.t.Fatal(err, text)
		}
	}
}

// found are the resources of a type that are there.
func (w *ward) found(t fhir.Type) []pages.Element {
	w.t.Helper()
	result, err := w.door.Session(records.Principal{ID: "test"}, nil).Search(context.Background(), records.SearchRequest{Type: t})
	if err != nil {
		w.t.Fatal(err)
	}
	var all []pages.Element
	for _, e := range result.Entries {
		one, err := pages.ParseElement(e.JSON)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// launchable registers an app that is launched at an address.
func (w *ward) launchable(name, address string) *identity.Client {
	w.t.Helper()
	c := &identity.Client{
		Name: name, Auth: identity.AuthNone, Redirects: []string{address + "/back"}, LaunchURI: address + "/launch", Approved: true,
		Grants: []identity.GrantType{identity.AuthorizationCode}, Scopes: smart.Scopes{"launch", "patient/*.rs"},
	}
	if _, err := w.identity.CreateClient(context.Background(), c); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// browser is somebody's.
type browser struct {
	*ward
	http *http.Client
}

func (w *ward) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as is the browser of somebody who has signed in.
func (w *ward) as(login string) *browser {
	w.t.Helper()
	b := w.browser()
	b.do("POST", "/account/sign-in", url.Values{"as": {login}, "next": {"/clinic"}}).want(303)
	return b
}

type answer struct {
	b      *browser
	status int
	header http.Header
	body   string
}

func (b *browser) do(method, path string, form url.Values, header ...string) answer {
	b.t.Helper()
	address := path
	if !strings.HasPrefix(path, "http") {
		address = b.url + path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(context.Background(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept", "text/html")
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
	return answer{b, resp.StatusCode, resp.Header, string(text)}
}

func (b *browser) get(path string) answer { b.t.Helper(); return b.do("GET", path, nil) }

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// send sends a form of the page at an address, with its hidden fields and others.
func (b *browser) send(page, action string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(b.get(page).want(200).body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do("POST", action, form)
}

// follow goes where a redirect leads.
func (a answer) follow() answer {
	a.b.t.Helper()
	a.want(303)
	return a.b.get(a.header.Get("Location"))
}

func (a answer) want(status int) answer {
	a.b.t.Helper()
	if a.status != status {
		a.b.t.Fatalf("status %d, want %d: %s %s", a.status, status, a.header.Get("Location"), a.body)
	}
	return a
}

func (a answer) has(texts ...string) answer {
	a.b.t.Helper()
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(a.body), text) {
			a.b.t.Errorf("%q is missing in\n%s", text, a.body)
		}
	}
	return a
}

func (a answer) hasNot(texts ...string) answer {
	a.b.t.Helper()
	for _, text := range texts {
		if strings.Contains(html.UnescapeString(a.body), text) {
			a.b.t.Errorf("%q is in\n%s", text, a.body)
		}
	}
	return a
}
