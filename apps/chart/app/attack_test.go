package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/apps/chart/app"
	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestASignInThatAnotherBrowserBeganIsRefused(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	attacker, victim := open(t), open(t)
	victim.get(self) // whatever else it did
	victim.get(attacker.callback(standalone(self, s))).want(t, http.StatusBadRequest, "Not begun here")
	victim.get(self+"/chart").want(t, http.StatusOK, "Open a chart")
	if n := s.Count("/token"); n != 0 {
		t.Errorf("%d codes were exchanged", n)
	}
}

func TestASignInIsFinishedOnce(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	b := open(t)
	callback := b.callback(standalone(self, s))
	b.get(callback).want(t, http.StatusOK)
	b.get(callback).want(t, http.StatusBadRequest, "finished already")
	b.get(self+"/chart").want(t, http.StatusOK, "Maria Elena Delgado") // the first one still holds
}

func TestAnswersOfOtherServersAreNotBelieved(t *testing.T) {
	for name, change := range map[string]func(url.Values){
		"iss":   func(q url.Values) { q.Set("iss", "https://evil.example") },
		"state": func(q url.Values) { q.Set("state", "x") },
	} {
		s := smarttest.New(t)
		s.Redirect = change
		self, _ := start(t, s)
		open(t).get(standalone(self, s)).want(t, http.StatusBadRequest, "Begin again")
		if n := s.Count("/token"); n != 0 {
			t.Errorf("%s: the code was exchanged", name)
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	b := open(t)
	b.get(standalone(self, s)).want(t, http.StatusOK)
	for _, form := range []string{"/revoke", "/refresh", "/leave"} {
		for _, from := range []string{"cross-site", "same-site"} { // another port of the host is of the same site
			b.send(http.MethodPost, self+form, from).want(t, http.StatusForbidden, "another site")
		}
		b.send(http.MethodGet, self+form, "none").want(t, http.StatusMethodNotAllowed)
	}
	b.get(self+"/chart").want(t, http.StatusOK, "Maria Elena Delgado")
}

func TestWhatRecordsSayIsNeverMarkup(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	p := open(t).get(standalone(self, s)).want(t, http.StatusOK, "Sprained ankle")
	if strings.Contains(p.source, "<b>") {
		t.Error("a condition's text became markup")
	}
}

func TestEveryAnswerHasAStrictPolicy(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	b := open(t)
	for _, address := range []string{self, standalone(self, s), self + "/style.css", self + "/nothing", self + "/callback"} {
		p := b.get(address)
		policy := p.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %s", address, policy, part)
			}
		}
		if strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe") || strings.Contains(p.source, "<script") {
			t.Errorf("%s: there is a script, or a policy that allows one: %s", address, policy)
		}
	}
}

func TestTheSessionIsNewAtEachSignIn(t *testing.T) {
	s := smarttest.New(t)
	self, _ := start(t, s)
	b := open(t)
	at, err := url.Parse(self)
	if err != nil {
		t.Fatal(err)
	}
	fixed := &http.Cookie{Name: "chart-session", Value: "known to the attacker"}
	b.Jar.SetCookies(at, []*http.Cookie{fixed})
	seen := map[string]bool{fixed.Value: true}
	for range 2 {
		b.get(standalone(self, s)).want(t, http.StatusOK)
		for _, c := range b.Jar.Cookies(at) {
			if c.Name != fixed.Name {
				continue
			}
			if seen[c.Value] {
				t.Error("the session is an old one")
			}
			seen[c.Value] = true
		}
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
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/launch?iss="+url.QueryEscape(s.Base), nil)
		app.New(app.Client(server, "a", self), self).ServeHTTP(w, r)
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
