package kit_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/apps/chart/app"
	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/apps/kit/kittest"
	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestASignInThatAnotherBrowserBeganIsRefused(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	attacker, victim := kittest.Open(t), kittest.Open(t)
	victim.Get(self) // whatever else it did
	victim.Get(attacker.Callback(kittest.Standalone(self, s))).Want(t, http.StatusBadRequest, "Not begun here")
	at := attacker.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK).Address
	victim.Get(at).Want(t, http.StatusOK, "Open Chart").Lacks(t, "Maria") // the address of another's session opens nothing
	if n := s.Count("/token"); n != 1 {
		t.Errorf("%d codes were exchanged", n)
	}
}

func TestASignInIsFinishedOnce(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	callback := b.Callback(kittest.Standalone(self, s))
	at := b.Get(callback).Want(t, http.StatusOK).Address
	b.Get(callback).Want(t, http.StatusBadRequest, "finished already")
	b.Get(at).Want(t, http.StatusOK, "Maria Elena Delgado") // the first one still holds
}

func TestAnswersOfOtherServersAreNotBelieved(t *testing.T) {
	for name, change := range map[string]func(url.Values){
		"iss":   func(q url.Values) { q.Set("iss", "https://evil.example") },
		"state": func(q url.Values) { q.Set("state", "x") },
	} {
		s := smarttest.New(t)
		s.Redirect = change
		self, _ := kittest.Start(t, app.Plan(), s)
		kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusBadRequest, "Begin again")
		if n := s.Count("/token"); n != 0 {
			t.Errorf("%s: the code was exchanged", name)
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	at := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK).Address
	for _, form := range []string{"/revoke", "/refresh", "/leave"} {
		for _, from := range []string{"cross-site", "same-site"} { // another port of the host is of the same site
			b.Send(http.MethodPost, at+form, from, nil).Want(t, http.StatusForbidden, "another site")
		}
		b.Send(http.MethodGet, at+form, "none", nil).Want(t, http.StatusMethodNotAllowed)
	}
	b.Get(at).Want(t, http.StatusOK, "Maria Elena Delgado")
}

func TestWhatRecordsSayIsNeverMarkup(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	p := kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "Sprained ankle")
	if strings.Contains(p.Source, "<b>") {
		t.Error("a condition's text became markup")
	}
}

func TestEveryAnswerHasAStrictPolicy(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	for _, address := range []string{self, kittest.Standalone(self, s), self + "/style.css", self + "/nothing", self + "/callback"} {
		p := b.Get(address)
		policy := p.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors " + s.URL, "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %s", address, policy, part)
			}
		}
		if strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe") || strings.Contains(p.Source, "<script") {
			t.Errorf("%s: there is a script, or a policy that allows one: %s", address, policy)
		}
	}
}

func TestTheSessionIsNewAtEachSignIn(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	seen := map[string]bool{}
	for range 3 {
		seen[b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK).Address] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d sessions", len(seen))
	}
}

func TestCookiesAreOutOfReach(t *testing.T) {
	s := smarttest.New(t)
	server, err := smart.Discover(t.Context(), s.Base, smart.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for self, prefix := range map[string]string{"https://chart.example": "__Host-", "http://127.0.0.1:8090": ""} {
		framed := httptest.NewRequest(http.MethodGet, "/launch?iss="+url.QueryEscape(s.Base), nil)
		framed.Header.Set("Sec-Fetch-Dest", "iframe")
		inside := httptest.NewRecorder()
		kit.New(app.Plan(), &smart.Client{Server: server, ID: "a", Redirect: kit.Redirect(self)}, self).ServeHTTP(inside, framed)
		if set := inside.Header().Get("Set-Cookie"); !strings.Contains(set, "Secure; SameSite=None; Partitioned") || !strings.Contains(set, "HttpOnly") {
			t.Errorf("inside of another page the cookie is %s", set)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/launch?iss="+url.QueryEscape(s.Base), nil)
		kit.New(app.Plan(), &smart.Client{Server: server, ID: "a", Redirect: kit.Redirect(self)}, self).ServeHTTP(w, r)
		set := w.Result().Cookies()
		if len(set) != 1 {
			t.Fatalf("%d cookies", len(set))
		}
		c := set[0]
		if !strings.HasPrefix(c.Name, prefix+"chart-") || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != (prefix != "") || c.Domain != "" || c.Path != "/" {
			t.Errorf("%s: the cookie is %v", self, c)
		}
	}
}
