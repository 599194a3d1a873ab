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
	if err != nil || u.Query().Get("iss") != w.url+"/fhir" || u.Query().Get("launch") == "" || u.Query().Get("keep") != "1" {
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
	if err := w.identity.UpdateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.get("/clinic/patient/ann").want(200).has("Growth <b>").has(`value="` + c.ID + `"`)
	launch := func(pairs ...string) answer {
		t.Helper()
		return b.send("/clinic/patient/ann/apps", "/clinic/patient/ann/launch?encounter=visit", append([]string{"app", c.ID}, pairs...)...)
	}
	framed := launch("intent", "order-review").want(303).header.Get("Location")
	page := b.get(framed).want(200).has("Ann Archer")
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src 'self' "+at) {
		t.Error(policy)
	}
	found := src.FindStringSubmatch(page.body)
	if found == nil {
		t.Fatal(page.body)
	}
	l, err := w.identity.Launch(t.Context(), handle(t, w, html.UnescapeString(found[1])), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	x := l.Context
	if x.Patient != "ann" || x.Encounter != "visit" || x.Intent != "order-review" || x.Banner == nil || *x.Banner {
		t.Errorf("%+v", x)
	}
	if u, err := w.identity.User(t.Context(), l.User); err != nil || u.Login != "noor" {
		t.Error(u, err)
	}
	own := b.get(launch("banner", "app").want(303).header.Get("Location")).want(200).hasNot(`class="patient"`)
	if l, err = w.identity.Launch(t.Context(), handle(t, w, html.UnescapeString(src.FindStringSubmatch(own.body)[1])), c.ID); err != nil || !*l.Context.Banner {
		t.Error(l, err)
	}
	c.OwnBanner = true
	if err := w.identity.UpdateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.get("/clinic/patient/ann/apps").want(200).has(`<option value="app" selected>`)
	for said, want := range map[string]bool{"": true, "chart": false} {
		page := b.get(launch("banner", said).want(303).header.Get("Location")).want(200)
		if l, err = w.identity.Launch(t.Context(), handle(t, w, html.UnescapeString(src.FindStringSubmatch(page.body)[1])), c.ID); err != nil || *l.Context.Banner != want {
			t.Errorf("an app that wants to show the patient, told %q: %v %v", said, l, err)
		}
	}
	window := launch("mode", "window").want(200).has("is being opened")
	address, _ := strings.CutPrefix(window.header.Get("Refresh"), "0; url=")
	if l, err = w.identity.Launch(t.Context(), handle(t, w, address), c.ID); err != nil || !*l.Context.Banner || l.Context.Patient != "ann" {
		t.Error(l, err)
	}
	// The handle of one patient, or of somebody else, opens nothing in the chart of another.
	at2 := strings.Replace(framed, "/patient/ann/", "/patient/bob/", 1)
	b.get(at2).want(200).hasNot("<iframe").has("A launch is good once")
	w.as("ines").get(framed).want(200).hasNot("<iframe")
	b.get(strings.Split(framed, "?")[0]).want(200).hasNot("<iframe").has("Launch Growth <b> again")
}

func TestAnAppThatCannotBeShownIsExplained(t *testing.T) {
	w := newWard(t)
	b := w.as("noor")
	for name, c := range map[string]struct{ at, want string }{
		"down":    {"http://127.0.0.1:1", "cannot be reached"},
		"busy":    {host(t, 503), "cannot be reached"},
		"refuses": {host(t, 200, "X-Frame-Options", "DENY"), "does not let itself be shown"},
		"policy":  {host(t, 200, "Content-Security-Policy", "default-src 'self'; frame-ancestors 'self' https://ehr.example"), "does not let itself be shown"},
		"allows":  {host(t, 200, "X-Frame-Options", "DENY", "Content-Security-Policy", "frame-ancestors "+w.url), "<iframe"},
		"answers": {host(t, 400), "<iframe"},
	} {
		app := w.launchable(name, c.at)
		b.send("/clinic/patient/ann/apps", "/clinic/patient/ann/launch", "app", app.ID).follow().want(200).has(c.want, "Open in a window")
	}
}

func TestOnlyApprovedAppsThatCanBeLaunchedAreOffered(t *testing.T) {
	w := newWard(t)
	b := w.as("noor")
	b.get("/clinic/patient/ann/apps").want(200).has("No apps can be opened from here")
	for name, change := range map[string]func(*identity.Client){
		"Unapproved": func(c *identity.Client) { c.Approved = false },
		"Suspended":  func(c *identity.Client) { c.Suspended = true },
		"Nowhere":    func(c *identity.Client) { c.LaunchURI = "" },
	} {
		c := &identity.Client{Name: name, Auth: identity.AuthNone, Redirects: []string{"https://app.example/back"}, LaunchURI: "https://app.example/launch", Approved: true,
			Grants: []identity.GrantType{identity.AuthorizationCode}, Scopes: smart.Scopes{"launch"}}
		change(c)
		if _, err := w.identity.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		b.get("/clinic/patient/ann/apps").want(200).hasNot(name)
		b.send("/clinic/patient/ann/add/vital", "/clinic/patient/ann/launch", "app", c.ID).want(404)
		b.get("/clinic/patient/ann/app/" + c.ID).want(404)
	}
	b.get("/clinic/patient/ann/app/none").want(404)
}
