package portal_test

import (
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/portal"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// place is a server of a test's own, with a portal: ann and her daughter
// eve, for whom mum acts; dr, who works there; lone, without a record.
type place struct{ *placetest.Place }

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{placetest.Open(t, placetest.Config{
		House:    &pages.House{Entrances: []pages.Entrance{{Name: portal.Name, Path: portal.Path, Roles: portal.Roles}}},
		Identity: func(c *identity.Config) { c.Sandbox = []string{"ann", "mum", "dr", "lone", "gone"} },
		Mount: func(p *placetest.Place) {
			portal.Mount(p.Site, p.House)
			p.MountFHIR(func(c *fhirapi.Config) { c.Start = true })
		},
	})}
	p.Put(
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
	p.T.Helper()
	if _, err := p.Identity.CreateUser(p.T.Context(), identity.User{Login: login, Name: "User " + login, Roles: []identity.Role{role}, Links: links}); err != nil {
		p.T.Fatal(err)
	}
}

// visitor is somebody with a browser.
type visitor struct {
	*place
	placetest.Browser
	login string
}

// guest is a browser in which nobody is signed in.
func (p *place) guest() visitor { return visitor{p, p.Browser(), ""} }

// visit signs somebody in.
func (p *place) visit(login string) visitor {
	p.T.Helper()
	v := p.guest()
	v.login = login
	v.do("POST", "/account/sign-in", url.Values{"as": {login}, "next": {"/portal"}}, "Sec-Fetch-Site", "same-origin").want(http.StatusSeeOther)
	return v
}

// answer is one HTTP answer.
type answer struct{ placetest.Answer }

func (v visitor) do(method, path string, form url.Values, header ...string) answer {
	v.T.Helper()
	return answer{v.Do(method, path, form, header...)}
}

func (v visitor) get(path string) answer { v.T.Helper(); return v.do("GET", path, nil) }

// send sends a form from its page, with the pairs of name and value.
func (v visitor) send(path string, pairs ...string) answer {
	v.T.Helper()
	page := v.get(path).want(http.StatusOK)
	token := page.Hidden().Get("token")
	if token == "" {
		v.T.Fatalf("no form in %s", page.Body)
	}
	form := url.Values{"token": {token}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.do("POST", path, form, "Sec-Fetch-Site", "same-origin")
}

func (a answer) want(status int) answer { a.T.Helper(); a.Want(status); return a }

var personLink = identity.Link{Type: "Person", ID: "both"}

var space = regexp.MustCompile(`\s+`)
var tag = regexp.MustCompile(`<[^>]*>`)

// says is the text of the page without markup.
func (a answer) says() string {
	return space.ReplaceAllString(html.UnescapeString(tag.ReplaceAllString(a.Body, " ")), " ")
}

func (a answer) has(texts ...string) answer {
	a.T.Helper()
	for _, text := range texts {
		if !strings.Contains(a.says(), text) && !strings.Contains(a.Body, text) {
			a.T.Errorf("no %q in %s", text, a.says())
		}
	}
	return a
}

func (a answer) lacks(texts ...string) answer {
	a.T.Helper()
	for _, text := range texts {
		if strings.Contains(a.says(), text) || strings.Contains(a.Body, text) {
			a.T.Errorf("%q is in %s", text, a.says())
		}
	}
	return a
}

// app has somebody allow an app scopes for a patient, and returns it with a token.
func (v visitor) app(patient string, scopes ...string) (*identity.Client, string) {
	v.T.Helper()
	ctx := v.T.Context()
	c := &identity.Client{
		Name: "Growth Chart", Auth: identity.AuthNone, Redirects: []string{"https://app.example/back"}, Approved: true,
		Grants: []identity.GrantType{identity.AuthorizationCode, identity.RefreshToken}, Scopes: smart.Scopes{"openid", "launch/patient", "offline_access", "patient/*.cruds", "user/*.cruds"},
	}
	if _, err := v.Identity.CreateClient(ctx, c); err != nil {
		v.T.Fatal(err)
	}
	return c, v.allow(c, patient, scopes...)
}

// challenge is the S256 of verifier.
const (
	verifier  = "a-verifier-that-is-long-enough-to-be-one-0123456789"
	challenge = "IdFsue1MJJJtybEPX0invmHHuW1I7Ai5LXVlXpENjsk"
)

func (v visitor) allow(c *identity.Client, patient string, scopes ...string) (token string) {
	v.T.Helper()
	ctx := v.T.Context()
	u, err := v.Identity.UserByLogin(ctx, v.login)
	if err != nil {
		v.T.Fatal(err)
	}
	sessions, err := v.Identity.Sessions(ctx, u.ID)
	if err != nil || len(sessions) == 0 {
		v.T.Fatal(err)
	}
	n, err := v.Identity.SessionByID(ctx, sessions[0].ID)
	if err != nil {
		v.T.Fatal(err)
	}
	r := &identity.Request{Client: c.ID, Redirect: c.Redirects[0], Scopes: scopes, Challenge: challenge}
	if _, err := v.Identity.StartRequest(ctx, r); err != nil {
		v.T.Fatal(err)
	}
	code, err := v.Identity.Authorize(ctx, identity.Authorization{Request: r, Session: n, Scopes: scopes, Context: smart.Context{Patient: patient}})
	if err != nil {
		v.T.Fatal(err)
	}
	tokens, err := v.Identity.Exchange(ctx, c, code, c.Redirects[0], verifier, "")
	if err != nil {
		v.T.Fatal(err)
	}
	return tokens.Access
}

// fhir asks the FHIR API with a token.
func (p *place) fhir(token, path string) answer {
	p.T.Helper()
	return p.guest().do("GET", "/fhir/"+path, nil, "Authorization", "Bearer "+token)
}

// seen waits until what was counted is written.
func (p *place) seen() {
	p.T.Helper()
	if err := p.Door.FlushUsage(p.T.Context()); err != nil {
		p.T.Fatal(err)
	}
}

// json sends FHIR with a token.
func (v visitor) json(path, token, body string) answer {
	v.T.Helper()
	r, err := http.NewRequestWithContext(v.T.Context(), http.MethodPost, v.URL+path, strings.NewReader(body))
	if err != nil {
		v.T.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/fhir+json")
	r.Header.Set("Authorization", "Bearer "+token)
	return answer{placetest.Send(v.T, v.HTTP, r)}
}

// consents are the Consents of a patient as they are stored.
func (p *place) consents(patient string) (all []string) {
	p.T.Helper()
	got, err := p.Door.Session(records.Principal{ID: "test"}, nil).Search(p.T.Context(), records.SearchRequest{Type: "Consent", Pairs: []search.Pair{{Name: "patient", Value: patient}}})
	if err != nil {
		p.T.Fatal(err)
	}
	for _, e := range got.Entries {
		all = append(all, string(e.JSON))
	}
	return all
}
