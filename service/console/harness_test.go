package console_test

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/service/console"
	"github.com/inglehealth/ingle/service/pages"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// office is a server with a console, on SQLite or, for tests whose name says so, on
// PostgreSQL.
type office struct {
	*placetest.Place
	dir    string // of SQLite
	resets int    // of the sandbox
	office *tenancy.Office
	places fakePlaces
}

// people of the office sign in by one click.
var people = []identity.User{
	{Login: "root", Name: "Rut", Roles: []identity.Role{identity.Administrator}},
	{Login: "vera", Name: "Vera", Roles: []identity.Role{identity.PrivacyOfficer}},
	{Login: "noor", Name: "Noor", Roles: []identity.Role{identity.Practitioner}, Links: []identity.Link{{Type: "Practitioner", ID: "noor"}}},
	{Login: "ann", Name: "Ann", Roles: []identity.Role{identity.Patient}, Links: []identity.Link{{Type: "Patient", ID: "ann"}}},
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{dir: t.TempDir()}
	var logins []string
	for _, u := range people {
		logins = append(logins, u.Login)
	}
	o.places.there = map[string]string{"": ""}
	o.Place = placetest.Open(t, placetest.Config{
		Dir:      o.dir,
		House:    &pages.House{Entrances: []pages.Entrance{console.Entrance(), {Name: "Account", Path: "/account", Roles: identity.Roles()}}},
		Identity: func(c *identity.Config) { c.Sandbox = logins },
		Mount: func(p *placetest.Place) {
			o.office = tenancy.New(tenancy.Config{Store: p.Store, Places: &o.places, Fixed: []string{"fixed"}})
			console.Mount(p.Site, console.Config{
				House: p.House, Tenants: records.NewTenants(p.Door), Version: "9.9", Database: "SQLite", Begun: time.Now(),
				Disk:  func() (uint64, error) { return 1 << 40, nil },
				Reset: func(ctx context.Context, _ string) error { o.resets++; return p.Door.Clear(ctx) }, Sandbox: true,
				Office: o.office, FirstLink: func(context.Context, string) (string, error) { return "https://ehr.example/first", nil },
			})
		},
	})
	working, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	worked := make(chan error, 2)
	go func() { worked <- o.Door.Work(working) }()
	go func() { worked <- o.office.Run(working) }()
	t.Cleanup(func() {
		stop()
		for range cap(worked) {
			if err := <-worked; err != nil {
				t.Error(err)
			}
		}
	})
	for _, u := range people {
		o.User(u)
	}
	return o
}

// happen records an event of a user.
func (o *office) happen(login string, e audit.Event) {
	o.T.Helper()
	u, err := o.Identity.UserByLogin(o.T.Context(), login)
	if err != nil {
		o.T.Fatal(err)
	}
	e.Agent.User, e.Agent.Login = u.ID, login
	if err := o.Door.Audit().Record(o.T.Context(), &e); err != nil {
		o.T.Fatal(err)
	}
}

// visitor is somebody with a browser, which follows redirects.
type visitor struct {
	*office
	placetest.Browser
}

// enter lets somebody in by one click; nobody for "".
func (o *office) enter(login string) visitor {
	o.T.Helper()
	v := visitor{o, o.Browser()}
	v.HTTP.CheckRedirect = nil
	if login != "" {
		v.post("/account/sign-in", "as", login, "next", "/account").Want(200)
	}
	return v
}

func (v visitor) send(method, path string, form url.Values, header ...string) placetest.Answer {
	v.T.Helper()
	a := v.Do(method, path, form, append([]string{"Accept", "text/html"}, header...)...)
	a.Body = strings.ReplaceAll(a.Body, `="`+v.Place.URL+`/`, `="/`) // addresses by path, whoever wrote them
	return a
}

func (v visitor) get(path string) placetest.Answer {
	v.T.Helper()
	return v.send("GET", path, nil)
}

func (v visitor) post(path string, pairs ...string) placetest.Answer {
	v.T.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.send("POST", path, form)
}

// fill sends a form of a page: its token and the fields, to a path.
func (v visitor) fill(page, path string, pairs ...string) placetest.Answer {
	v.T.Helper()
	token := v.get(page).Want(200).Hidden().Get("token")
	if token == "" {
		v.T.Fatalf("%s has no form", page)
	}
	return v.post(path, append([]string{"token", token}, pairs...)...)
}
