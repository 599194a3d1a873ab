package clinic_test

import (
	"context"
	"net/url"
	"os"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/clinic"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// ward is a server with a clinic, a doctor, a nurse, a clerk and two patients.
type ward struct {
	*placetest.Place
	placetest.Clock
	stop context.CancelFunc // as at the end of the server
}

var people = []identity.User{
	{Login: "noor", Name: "Dr. Noor", Roles: []identity.Role{identity.Practitioner}, Links: []identity.Link{{Type: "Practitioner", ID: "noor"}}},
	{Login: "ines", Name: "Ines", Roles: []identity.Role{identity.Nurse}},
	{Login: "desk", Name: "Desk", Roles: []identity.Role{identity.FrontDesk}},
	{Login: "vera", Name: "Vera", Roles: []identity.Role{identity.PrivacyOfficer}},
	{Login: "ann", Name: "Ann", Roles: []identity.Role{identity.Patient}, Links: []identity.Link{{Type: "Patient", ID: "ann"}}},
}

func newWard(t testing.TB) *ward {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	w := &ward{stop: stop}
	var logins []string
	for _, u := range people {
		logins = append(logins, u.Login)
	}
	w.Place = placetest.Open(t, placetest.Config{
		House:    &pages.House{Entrances: []pages.Entrance{{Name: clinic.Name, Path: clinic.Path, Roles: clinic.Roles()}}, Done: ctx.Done(), Gate: limits.NewGate(limits.GateConfig{Slots: 4, Each: 3, Waiting: 2})},
		Records:  func(c *records.Config) { c.Clock = w.Time },
		Identity: func(c *identity.Config) { c.Sandbox = logins },
		Mount:    func(p *placetest.Place) { clinic.New(p.House).Mount(p.Site) },
	})
	t.Cleanup(stop)
	w.Put(`{"resourceType":"Practitioner","id":"noor","name":[{"family":"Noor"}]}`,
		`{"resourceType":"Patient","id":"ann","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"urn:mrn","value":"HS-1"}],"name":[{"family":"Archer","given":["Ann"]}],"gender":"female","birthDate":"1950-02-03"}`,
		`{"resourceType":"Patient","id":"bob"}`)
	for _, u := range people {
		w.User(u)
	}
	return w
}

// found are the resources of a type that are there.
func (w *ward) found(t fhir.Type) []pages.Element {
	w.T.Helper()
	result, err := w.Door.Session(records.Principal{ID: "test"}, nil).Search(context.Background(), records.SearchRequest{Type: t})
	if err != nil {
		w.T.Fatal(err)
	}
	var all []pages.Element
	for _, e := range result.Entries {
		one, err := pages.ParseElement(e.JSON)
		if err != nil {
			w.T.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// launchable registers an app that is launched at an address.
func (w *ward) launchable(name, address string) *identity.Client {
	w.T.Helper()
	c := &identity.Client{
		Name: name, Auth: identity.AuthNone, Redirects: []string{address + "/back"}, LaunchURI: address + "/launch", Approved: true,
		Grants: []identity.GrantType{identity.AuthorizationCode}, Scopes: smart.Scopes{"launch", "patient/*.rs"},
	}
	if _, err := w.Identity.CreateClient(context.Background(), c); err != nil {
		w.T.Fatal(err)
	}
	return c
}

// browser is somebody's.
type browser struct {
	*ward
	placetest.Browser
}

func (w *ward) browser() browser { return browser{w, w.Browser()} }

// as is the browser of somebody who has signed in.
func (w *ward) as(login string) browser {
	w.T.Helper()
	b := w.browser()
	b.Do("POST", "/account/sign-in", url.Values{"as": {login}, "next": {"/clinic"}}).Want(303)
	return b
}

// send sends a form of the page at an address, with its hidden fields and others.
func (b browser) send(page, action string, pairs ...string) placetest.Answer {
	b.T.Helper()
	form := b.Get(page).Want(200).Hidden()
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.Do("POST", action, form)
}

// follow goes where a redirect leads.
func (b browser) follow(a placetest.Answer) placetest.Answer {
	b.T.Helper()
	return b.Get(a.Want(303).Header.Get("Location"))
}
