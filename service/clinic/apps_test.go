package clinic_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/spec/smart"
)

var src = regexp.MustCompile(`<iframe class="app" src="([^"]*)"`)

// host serves an app that answers with some headers.
func host(t *testing.T, status int, headers ...string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// handle takes the launch out of the address of an app.
func handle(t *testing.T, w *ward, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("iss") != w.URL+"/fhir" || u.Query().Get("launch") == "" || u.Query().Get("keep") != "1" {
		t.Fatal(address, err)
	}
	return u.Query().Get("launch")
}

func TestAnAppIsLaunchedInTheChartAndInAWindow(t *testing.T) {
	w := newWard(t)
	w.sick()
	b := w.as("noor")
	at := host(t, 200)
	c := w.launchable("Growth <b>", at)
	c.LaunchURI += "?keep=1"
	if err := w.Identity.UpdateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.Get("/clinic/patient/ann").Want(200).Has("Growth <b>").Has(`value="` + c.ID + `"`)
	launch := func(pairs ...string) placetest.Answer {
		t.Helper()
		return b.send("/clinic/patient/ann/apps", "/clinic/patient/ann/launch?encounter=visit", append([]string{"app", c.ID}, pairs...)...)
	}
	framed := launch("intent", "order-review").Want(303).Header.Get("Location")
	page := b.Get(framed).Want(200).Has("Ann Archer")
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src 'self' "+at) {
		t.Error(policy)
	}
	found := src.FindStringSubmatch(page.Body)
	if found == nil {
		t.Fatal(page.Body)
	}
	l, err := w.Identity.Launch(t.Context(), handle(t, w, html.UnescapeString(found[1])), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	x := l.Context
	if x.Patient != "ann" || x.Encounter != "visit" || x.Intent != "order-review" || x.Banner == nil || *x.Banner {
		t.Errorf("%+v", x)
	}
	if u, err := w.Identity.User(t.Context(), l.User); err != nil || u.Login != "noor" {
		t.Error(u, err)
	}
	own := b.Get(launch("banner", "app").Want(303).Header.Get("Location")).Want(200).Lacks(`class="patient"`)
	if l, err = w.Identity.Launch(t.Context(), handle(t, w, html.UnescapeString(src.FindStringSubmatch(own.Body)[1])), c.ID); err != nil || !*l.Context.Banner {
		t.Error(l, err)
	}
	c.OwnBanner = true
	if err := w.Identity.UpdateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.Get("/clinic/patient/ann/apps").Want(200).Has(`<option value="app" selected>`)
	for said, want := range map[string]bool{"": true, "chart": false} {
		page := b.Get(launch("banner", said).Want(303).Header.Get("Location")).Want(200)
		if l, err = w.Identity.Launch(t.Context(), handle(t, w, html.UnescapeString(src.FindStringSubmatch(page.Body)[1])), c.ID); err != nil || *l.Context.Banner != want {
			t.Errorf("an app that wants to show the patient, told %q: %v %v", said, l, err)
		}
	}
	window := launch("mode", "window").Want(200).Has("is being opened")
	address, _ := strings.CutPrefix(window.Header.Get("Refresh"), "0; url=")
	if l, err = w.Identity.Launch(t.Context(), handle(t, w, address), c.ID); err != nil || !*l.Context.Banner || l.Context.Patient != "ann" {
		t.Error(l, err)
	}
	// The handle of one patient, or of somebody else, opens nothing in the chart of another.
	at2 := strings.Replace(framed, "/patient/ann/", "/patient/bob/", 1)
	b.Get(at2).Want(200).Lacks("<iframe").Has("A launch is good once")
	w.as("ines").Get(framed).Want(200).Lacks("<iframe")
	b.Get(strings.Split(framed, "?")[0]).Want(200).Lacks("<iframe").Has("Launch Growth <b> again")
}

func TestAnAppThatCannotBeShownIsExplained(t *testing.T) {
	w := newWard(t)
	b := w.as("noor")
	for name, c := range map[string]struct{ at, want string }{
		"down":    {"http://127.0.0.1:1", "cannot be reached"},
		"busy":    {host(t, 503), "cannot be reached"},
		"refuses": {host(t, 200, "X-Frame-Options", "DENY"), "does not let itself be shown"},
		"policy":  {host(t, 200, "Content-Security-Policy", "default-src 'self'; frame-ancestors 'self' https://ehr.example"), "does not let itself be shown"},
		"allows":  {host(t, 200, "X-Frame-Options", "DENY", "Content-Security-Policy", "frame-ancestors "+w.URL), "<iframe"},
		"answers": {host(t, 400), "<iframe"},
	} {
		app := w.launchable(name, c.at)
		b.follow(b.send("/clinic/patient/ann/apps", "/clinic/patient/ann/launch", "app", app.ID)).Want(200).Has(c.want, "Open in a window")
	}
}

func TestOnlyApprovedAppsThatCanBeLaunchedAreOffered(t *testing.T) {
	w := newWard(t)
	b := w.as("noor")
	b.Get("/clinic/patient/ann/apps").Want(200).Has("No apps can be opened from here")
	for name, change := range map[string]func(*identity.Client){
		"Unapproved": func(c *identity.Client) { c.Approved = false },
		"Suspended":  func(c *identity.Client) { c.Suspended = true },
		"Nowhere":    func(c *identity.Client) { c.LaunchURI = "" },
	} {
		c := &identity.Client{Name: name, Auth: identity.AuthNone, Redirects: []string{"https://app.example/back"}, LaunchURI: "https://app.example/launch", Approved: true,
			Grants: []identity.GrantType{identity.AuthorizationCode}, Scopes: smart.Scopes{"launch"}}
		change(c)
		if _, err := w.Identity.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		b.Get("/clinic/patient/ann/apps").Want(200).Lacks(name)
		b.send("/clinic/patient/ann/add/vital", "/clinic/patient/ann/launch", "app", c.ID).Want(404)
		b.Get("/clinic/patient/ann/app/" + c.ID).Want(404)
	}
	b.Get("/clinic/patient/ann/app/none").Want(404)
}
