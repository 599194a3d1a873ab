package app_test

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/apps/chart/app"
	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

// start serves the app for a server, at which it registers itself.
func start(t *testing.T, s *smarttest.Server) (self string, client *smart.Client) {
	t.Helper()
	server, err := smart.Discover(t.Context(), s.Base, smart.Options{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(nil)
	self = "http://" + web.Listener.Addr().String()
	if client, err = app.Register(t.Context(), server, self); err != nil {
		t.Fatal(err)
	}
	web.Config.Handler = app.New(client, self)
	web.Start()
	t.Cleanup(web.Close)
	return self, client
}

// browser keeps cookies and follows redirects.
type browser struct {
	t *testing.T
	*http.Client
}

func open(t *testing.T) browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser{t, &http.Client{Jar: jar}}
}

// page is what a browser shows.
type page struct {
	address string
	status  int
	header  http.Header
	text    string // without entities
	source  string
}

func (b browser) get(address string) page { return b.send(http.MethodGet, address, "none") }

// press sends one of the app's forms.
func (b browser) press(address string) page { return b.send(http.MethodPost, address, "same-origin") }

func (b browser) send(method, address, from string) page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", from)
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp.Request.URL.String(), resp.StatusCode, resp.Header, html.UnescapeString(string(body)), string(body)}
}

// want fails unless the page has the status and the texts.
func (p page) want(t *testing.T, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Errorf("%s: status %d, not %d", p.address, p.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(p.text, text) {
			t.Errorf("%s: no %q in\n%s", p.address, text, p.text)
		}
	}
	return p
}

func standalone(self string, s *smarttest.Server) string {
	return self + "/launch?iss=" + url.QueryEscape(s.Base)
}

func TestAStandaloneLaunchShowsTheChart(t *testing.T) {
	s := smarttest.New(t)
	self, client := start(t, s)
	b := open(t)
	b.get(self).want(t, http.StatusOK, "ingle client approve "+client.ID, s.URL+"/account", `href="/launch?iss=`)
	p := b.get(standalone(self, s)).want(t, http.StatusOK,
		"<h1>Maria Elena Delgado</h1>", "1964-03-17", "female",
		"Diabetes mellitus type 2", "active", "2016-05-02", "resolved",
		"Heart rate", "72.0 /min", "2024-11-12", "Systolic 148 mmHg, Diastolic 92 mmHg",
		"patient/Observation.rs", "<dt>patient</dt><dd>maria</dd>", s.Base+"/Patient/maria")
	if p.address != self+"/chart" {
		t.Errorf("the browser ends at %s", p.address)
	}
	for _, text := range []string{"61 /min", "Body height", "Pregnancy", "Ortega"} { // older, entered in error, an old name
		if strings.Contains(p.text, text) {
			t.Errorf("%q is shown", text)
		}
	}
}

func TestAnEHRLaunchShowsTheChart(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	open(t).get(standalone(self, s)+"&launch=launch-1").want(t, http.StatusOK, "Maria Elena Delgado", "<code>launch</code>")
}

func TestOnlyTheOneServerMayLaunchIt(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	evil := smarttest.New(t)
	for _, query := range []string{
		"", "?iss=", "?iss=" + url.QueryEscape(evil.Base), "?iss=" + url.QueryEscape(s.Base) + "&iss=" + url.QueryEscape(evil.Base),
		"?iss=" + url.QueryEscape(s.Base) + "&launch=", "?iss=" + url.QueryEscape(s.Base) + "&launch=a&launch=b",
	} {
		open(t).get(self+"/launch"+query).want(t, http.StatusBadRequest, "<h1>")
	}
	if n := s.Count("/authorize") + evil.Count("/authorize") + evil.Count("/fhir/.well-known/smart-configuration"); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestWhatTheUserDidNotAllowIsSaid(t *testing.T) {
	s := smarttest.New(t)
	s.Grants = smart.Scopes{"launch/patient", "patient/Patient.r", "patient/Observation.rs"}
	self, _ := start(t, s)
	p := open(t).get(standalone(self, s)).want(t, http.StatusOK, "You did not allow the app to read conditions.", "Heart rate")
	if strings.Contains(p.text, "/refresh") {
		t.Error("there is a button to refresh without a refresh token")
	}
}

func TestAUserWhoDeniesIsToldThatNothingWasRead(t *testing.T) {
	s := smarttest.New(t)
	s.Redirect = func(answer url.Values) { answer.Del("code"); answer.Set("error", "access_denied") }
	self, _ := start(t, s)
	open(t).get(standalone(self, s)).want(t, http.StatusForbidden, "It has read nothing")
}

func TestALaunchWithoutAPatientSaysSo(t *testing.T) {
	s := smarttest.New(t)
	s.Patient = ""
	self, _ := start(t, s)
	open(t).get(standalone(self, s)).want(t, http.StatusOK, "No patient", "patient/Patient.r")
}

func TestARegistrationThatWaitsWorksOnceItIsApproved(t *testing.T) {
	s := smarttest.New(t)
	s.Approval = true
	self, client := start(t, s)
	b := open(t)
	b.get(standalone(self, s)).want(t, http.StatusBadRequest, "waits for approval")
	s.Approve(client.ID)
	b.get(standalone(self, s)).want(t, http.StatusOK, "Maria Elena Delgado")
}

func TestTheTokenIsRefreshedByAButton(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	b := open(t)
	b.get(standalone(self, s)).want(t, http.StatusOK, `action="/refresh"`)
	before := s.Count("/token")
	b.press(self+"/refresh").want(t, http.StatusOK, "Maria Elena Delgado")
	if n := s.Count("/token") - before; n != 1 {
		t.Errorf("%d requests for tokens", n)
	}
}

func TestAfterRevokingReadingFailsWith401(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	b := open(t)
	b.get(standalone(self, s)).want(t, http.StatusOK, `action="/revoke"`)
	b.press(self+"/revoke").want(t, http.StatusOK, "401 Unauthorized", "GET "+s.Base+"/Patient/maria")
	b.get(self+"/revoked").want(t, http.StatusOK, "401 Unauthorized")
	b.get(self+"/chart").want(t, http.StatusOK, "Open a chart")
}

func TestAPermissionThatTheServerEndedIsSaidToHaveEnded(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	b := open(t)
	b.get(standalone(self, s)).want(t, http.StatusOK)
	s.EndTokens()
	s.EndGrants()
	for range 2 {
		b.get(self+"/chart").want(t, http.StatusUnauthorized, "The permission has ended")
	}
	b.press(self+"/revoke").want(t, http.StatusUnauthorized, "The permission has ended")
}

func TestLeavingForgetsTheChart(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	b := open(t)
	b.get(standalone(self, s)).want(t, http.StatusOK)
	b.press(self+"/leave").want(t, http.StatusOK, "Open a chart")
	b.get(self+"/chart").want(t, http.StatusOK, "Open a chart")
}

func TestTwoTabsCanBeginAtOnce(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	b := open(t)
	first, second := b.callback(standalone(self, s)), b.callback(standalone(self, s))
	b.get(first).want(t, http.StatusOK, "Maria Elena Delgado")
	b.get(second).want(t, http.StatusOK, "Maria Elena Delgado")
}

// callback goes as far as the address that brings the code to the app.
func (b browser) callback(address string) string {
	b.t.Helper()
	for range 2 {
		stop := *b.Client
		stop.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, err := stop.Get(address)
		if err != nil {
			b.t.Fatal(err)
		}
		resp.Body.Close()
		address = resp.Header.Get("Location")
	}
	return address
}
