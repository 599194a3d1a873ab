package desk_test

import (
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/desk"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/pages"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// workshop is a server with a developers' desk.
type workshop struct {
	*placetest.Place
	placetest.Clock
}

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
	w := &workshop{}
	w.Place = placetest.Open(t, placetest.Config{
		House:   &pages.House{Sandbox: sandbox, Entrances: []pages.Entrance{{Name: desk.Name, Path: desk.Path, Roles: desk.Roles()}}},
		Records: func(c *records.Config) { c.Clock, c.Policy.Explain = w.Time, sandbox },
		Identity: func(c *identity.Config) {
			for _, u := range people {
				if sandbox {
					c.Sandbox = append(c.Sandbox, u.Login)
				}
			}
		},
		Mount: func(p *placetest.Place) {
			desk.Mount(p.House, p.Site)
			p.MountFHIR(func(c *fhirapi.Config) { c.Start = true })
		},
	})
	w.Put(`{"resourceType":"Practitioner","id":"noor","name":[{"family":"Noor"}]}`,
		`{"resourceType":"Patient","id":"ann","name":[{"family":"Archer <script>alert(1)</script>","given":["Ann"]}],"birthDate":"1950-02-03"}`,
		`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/ann"}}`)
	for _, u := range people {
		made := w.User(u)
		if !sandbox {
			if err := w.Identity.SetPassword(t.Context(), made.ID, password); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

// browser is somebody who is signed in.
type browser struct {
	*workshop
	placetest.Browser
	token string
}

// page is an answer.
type page struct{ placetest.Answer }

// enter signs somebody in.
func (w *workshop) enter(login string) *browser {
	w.T.Helper()
	b := &browser{workshop: w, Browser: w.Browser()}
	form := b.get("/account/sign-in?next=/developers").want(200).Hidden()
	form.Set("next", "/developers")
	if w.Identity.Sandbox() {
		form.Set("as", login)
	} else {
		form.Set("login", login)
		form.Set("password", password)
	}
	b.send("POST", "/account/sign-in", form).want(303)
	b.get("/account").want(200)
	return b
}

func (b *browser) get(path string) page {
	b.T.Helper()
	p := b.send("GET", path, nil)
	if token := p.Hidden().Get("token"); token != "" {
		b.token = token
	}
	return p
}

// post sends a form with the token of the page that was seen last.
func (b *browser) post(path string, pairs ...string) page {
	b.T.Helper()
	form := url.Values{"token": {b.token}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.send("POST", path, form)
}

func (b *browser) send(method, path string, form url.Values, header ...string) page {
	b.T.Helper()
	return page{b.Do(method, path, form, header...)}
}

// want says which status a page has, in which nobody else's script may stand.
func (p page) want(status int) placetest.Answer {
	p.T.Helper()
	if p.Want(status); strings.Contains(p.Body, "<script>alert") {
		p.T.Errorf("a script of somebody else is in %s", p.Body)
	}
	return p.Answer
}

const back = "https://app.example/back"

// register registers an app by the form and returns its id and secret.
func (b *browser) register(pairs ...string) (id, secret string) {
	b.T.Helper()
	b.get("/developers/new").want(200)
	given := append([]string{"client_name", "Pulse", "redirect_uris", back, "scope", "openid launch launch/patient offline_access patient/*.cruds", "launch", "https://app.example/launch"}, pairs...)
	if len(pairs) == 0 {
		given = append(given, "kind", "public")
	}
	made := b.post("/developers/new", given...).want(200).Has("Your app is registered")
	id = regexp.MustCompile(`/developers/app/([\w-]+)`).FindStringSubmatch(made.Body)[1]
	return id, regexp.MustCompile(`igl_cs_[\w-]+`).FindString(made.Body)
}
