package console_test

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
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/console"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// office is a server with a console, on SQLite or, for tests whose name says so, on
// PostgreSQL.
type office struct {
	t        *testing.T
	url      string
	dir      string // of SQLite
	door     *records.Door
	identity *identity.Service
	resets   int // of the sandbox
	office   *tenancy.Office
	places   fakePlaces
}

// people of the office sign in by one click.
var people = []identity.User{
	{Login: "root", Name: "Rut", Roles: []identity.Role{identity.Administrator}},
	{Login: "vera", Name: "Vera", Roles: []identity.Role{identity.PrivacyOfficer}},
	{Login: "noor", Name: "Noor", Roles: []identity.Role{identity.Practitioner}, Links: []identity.Link{{Type: "Practitioner", ID: "noor"}}},
	{Login: "ann", Name: "Ann", Roles: []identity.Role{identity.Patient}, Links: []identity.Link{{Type: "Patient", ID: "ann"}}},
}

// plain is an audit.Sealer that seals nothing.
type plain struct{}

func (plain) Seal(_ string, secret []byte) ([]byte, error) { return secret, nil }
func (plain) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

func newOffice(t *testing.T) *office {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	o := &office{t: t, dir: t.TempDir()}
	handler := http.NewServeMux()
	server := httptest.NewServer(handler)
	o.url = server.URL
	var kept store.Store
	var err error
	if strings.HasSuffix(t.Name(), "PostgreSQL") {
		kept, err = postgres.Open(ctx, pgtest.URL(t), pgtest.Schema())
	} else {
		kept, err = sqlite.Open(ctx, o.dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(ctx, audit.Config{Store: kept, Secret: plain{}, Origin: o.url})
	if err != nil {
		t.Fatal(err)
	}
	o.door, err = records.Open(ctx, records.Config{
		Store: kept, Definitions: definitions.MustBuiltIn(definitions.R4), Base: o.url + "/fhir", Policy: records.DefaultPolicy(), Audit: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.places.there = map[string]string{"": ""}
	o.office = tenancy.New(tenancy.Config{Store: kept, Places: &o.places, Fixed: []string{"fixed"}})
	working, stop := context.WithCancel(ctx)
	worked := make(chan error, 2)
	go func() { worked <- o.door.Work(working) }()
	go func() { worked <- o.office.Run(working) }()
	t.Cleanup(func() {
		server.Close()
		stop()
		for range cap(worked) {
			if err := <-worked; err != nil {
				t.Error(err)
			}
		}
		if err := o.door.Close(); err != nil {
			t.Error(err)
		}
	})
	var logins []string
	for _, u := range people {
		logins = append(logins, u.Login)
	}
	o.identity, err = identity.Open(ctx, identity.Config{Store: kept, Issuer: o.url, Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key")), Sandbox: logins})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range people {
		if _, err := o.identity.CreateUser(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	quiet := slog.New(slog.DiscardHandler)
	house := &pages.House{Log: quiet, Entrances: []pages.Entrance{console.Entrance(), {Name: "Account", Path: "/account", Roles: identity.Roles()}}}
	a := auth.New(auth.Config{Tenants: []auth.Tenant{{Door: o.door, Identity: o.identity}}, Log: quiet, House: house})
	house.Visitors = a
	site := web.New(web.Config{Log: quiet})
	a.Mount(site)
	house.Mount(site)
	console.Mount(site, console.Config{
		House: house, Tenants: records.NewTenants(o.door), Version: "9.9", Database: "SQLite", Begun: time.Now(),
		Disk:  func() (uint64, error) { return 1 << 40, nil },
		Reset: func(ctx context.Context, _ string) error { o.resets++; return o.door.Clear(ctx) }, Sandbox: true,
		Office: o.office, FirstLink: func(context.Context, string) (string, error) { return "https://ehr.example/first", nil },
	})
	handler.Handle("/", site)
	return o
}

// put stores resources.
func (o *office) put(resources ...string) {
	o.t.Helper()
	s := o.door.Session(records.Principal{ID: "test"}, nil)
	for _, text := range resources {
		var k struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			o.t.Fatal(err)
		}
		if _, err := s.Update(o.t.Context(), fhir.Key{Type: fhir.Type(k.ResourceType), ID: fhir.ID(k.ID)}, records.Content{JSON: []byte(text)}, records.UpdateOptions{}); err != nil {
			o.t.Fatal(err)
		}
	}
}

// happen records an event of a user.
func (o *office) happen(login string, e audit.Event) {
	o.t.Helper()
	u, err := o.identity.UserByLogin(o.t.Context(), login)
	if err != nil {
		o.t.Fatal(err)
	}
	e.Agent.User, e.Agent.Login = u.ID, login
	if err := o.door.Audit().Record(o.t.Context(), &e); err != nil {
		o.t.Fatal(err)
	}
}

// visitor is somebody with a browser.
type visitor struct {
	*office
	http *http.Client
}

// enter lets somebody in by one click; nobody for "".
func (o *office) enter(login string) visitor {
	o.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	v := visitor{o, &http.Client{Jar: jar}}
	if login != "" {
		v.post("/account/sign-in", "as", login, "next", "/account").want(200)
	}
	return v
}

// answer is what a browser was shown, after redirects.
type answer struct {
	t      *testing.T
	path   string // where it came from in the end
	status int
	header http.Header
	body   string
}

func (v visitor) send(method, path string, form url.Values, header ...string) answer {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	text := strings.ReplaceAll(string(body), `="`+v.url+`/`, `="/`) // addresses by path, whoever wrote them
	return answer{v.t, resp.Request.URL.Path, resp.StatusCode, resp.Header, text}
}

func (v visitor) get(path string) answer {
	v.t.Helper()
	return v.send("GET", path, nil)
}

func (v visitor) post(path string, pairs ...string) answer {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.send("POST", path, form)
}

var token = regexp.MustCompile(`name="token" value="([^"]+)"`)

// fill sends a form of a page: its token and the fields, to a path.
func (v visitor) fill(page, path string, pairs ...string) answer {
	v.t.Helper()
	found := token.FindStringSubmatch(v.get(page).want(200).body)
	if found == nil {
		v.t.Fatalf("%s has no form", page)
	}
	return v.post(path, append([]string{"token", found[1]}, pairs...)...)
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, not %d: %s", a.path, a.status, status, a.body)
	}
	return a
}

func (a answer) has(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(a.body), text) {
			a.t.Errorf("%s: no %q in %s", a.path, text, a.body)
		}
	}
	return a
}

func (a answer) lacks(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Errorf("%s: %q in %s", a.path, text, a.body)
		}
	}
	return a
}
