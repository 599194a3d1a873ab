package smart_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestAStandaloneLaunchGivesATokenWithItsContextAndUser(t *testing.T) {
	s := smarttest.New(t)
	token := signIn(t, register(t, s))
	switch {
	case token.Access == "" || token.Refresh == "" || token.Expires.IsZero():
		t.Errorf("the token lacks something: %+v", token)
	case token.Context.Patient != "maria" || token.Context.Banner == nil || !*token.Context.Banner:
		t.Errorf("the context is %+v", token.Context)
	case token.Identity.Subject != "user-1" || token.Identity.FHIRUser != s.Base+"/Patient/maria":
		t.Errorf("the user is %+v", token.Identity)
	case token.Scopes.String() != chart.String():
		t.Errorf("granted is %s", token.Scopes)
	}
}

func TestAnEHRLaunchSendsWhatItWasLaunchedWith(t *testing.T) {
	c := register(t, smarttest.New(t))
	request := smart.Request{Scopes: smart.Scopes{"launch", "patient/Patient.r"}, Launch: "launch-1"}
	attempt, answer := begin(t, c, request)
	token, err := c.Finish(t.Context(), attempt, answer)
	if err != nil || token.Context.Patient != "maria" {
		t.Fatalf("token %+v, error %v", token, err)
	}
	request.Launch = "another"
	attempt, answer = begin(t, c, request)
	if _, err := c.Finish(t.Context(), attempt, answer); refusal(err) != "invalid_request" {
		t.Errorf("with an unknown launch: %v", err)
	}
}

func TestWhatTheUserDidNotAllowIsNotAmongTheScopes(t *testing.T) {
	s := smarttest.New(t)
	s.Grants = smart.Scopes{"patient/Patient.r"}
	token := signIn(t, register(t, s))
	if token.Scopes.String() != "patient/Patient.r" {
		t.Errorf("granted is %s", token.Scopes)
	}
}

func TestAUserWhoDeniesIsTold(t *testing.T) {
	s := smarttest.New(t)
	s.Redirect = func(answer url.Values) {
		answer.Del("code")
		answer.Set("error", "access_denied")
	}
	if _, err := finish(t, register(t, s)); refusal(err) != "access_denied" {
		t.Errorf("error %v", err)
	}
}

func TestAnAttemptOutlivesAppThatKeepsItAsJSON(t *testing.T) {
	c := register(t, smarttest.New(t))
	attempt, answer := begin(t, c, smart.Request{Scopes: chart})
	if _, err := c.Finish(t.Context(), throughJSON(t, attempt), answer); err != nil {
		t.Error(err)
	}
}

func TestNoTwoAttemptsShareASecret(t *testing.T) {
	c := register(t, smarttest.New(t))
	seen := map[string]bool{}
	for range 50 {
		a, err := c.Authorize(smart.Request{Scopes: chart})
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{a.State, a.Nonce, a.Verifier} {
			if seen[secret] || len(secret) < 22 {
				t.Fatalf("%q is short, or came before", secret)
			}
			seen[secret] = true
		}
		if strings.Contains(a.URL, a.Verifier) {
			t.Fatal("the verifier is sent with the request")
		}
	}
}

func TestMoreParametersDoNotReplaceTheOnesThatProtect(t *testing.T) {
	c := register(t, smarttest.New(t))
	a, err := c.Authorize(smart.Request{Scopes: chart, More: url.Values{"prompt": {"login"}, "state": {"x"}, "code_challenge_method": {"plain"}}})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(a.URL)
	if q := u.Query(); q.Get("prompt") != "login" || q.Get("state") != a.State || q.Get("code_challenge_method") != "S256" {
		t.Errorf("the query is %v", q)
	}
}
