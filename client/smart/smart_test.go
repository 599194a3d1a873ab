package smart_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

const redirect = "http://127.0.0.1:8090/callback"

var chart = smart.Scopes{"openid", "fhirUser", "launch/patient", "offline_access", "patient/Patient.r", "patient/Condition.rs"}

// clock is a time that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// discover has server and client go by one clock.
func discover(t *testing.T, s *smarttest.Server, c *clock) *smart.Server {
	t.Helper()
	s.Clock = c.now
	server, err := smart.Discover(t.Context(), s.Base, smart.Options{Clock: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// register makes a public client.
func register(t *testing.T, s *smarttest.Server) *smart.Client {
	t.Helper()
	return registerAt(t, discover(t, s, &clock{}))
}

func registerAt(t *testing.T, server *smart.Server) *smart.Client {
	t.Helper()
	made, err := server.Register(t.Context(), smart.Registration{
		Name: "Chart", Redirects: []string{redirect}, Authentication: "none", Scope: chart.String(),
		GrantTypes: []string{"authorization_code", "refresh_token"},
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	return &smart.Client{Server: server, ID: made.ID, Redirect: redirect}
}

// begin sends the browser to the server and returns what it brings back.
func begin(t *testing.T, c *smart.Client, r smart.Request) (*smart.Attempt, url.Values) {
	t.Helper()
	attempt, err := c.Authorize(r)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(newRequest(t, attempt.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil || !strings.HasPrefix(back.String(), c.Redirect+"?") {
		t.Fatalf("the browser is sent to %v: %v", back, err)
	}
	return attempt, back.Query()
}

func newRequest(t *testing.T, address string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// signIn gets a token, or fails.
func signIn(t *testing.T, c *smart.Client) *smart.Token {
	t.Helper()
	attempt, answer := begin(t, c, smart.Request{Scopes: chart})
	token, err := c.Finish(t.Context(), attempt, answer)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// finish is what becomes of an authorization as it goes.
func finish(t *testing.T, c *smart.Client) (*smart.Token, error) {
	t.Helper()
	attempt, answer := begin(t, c, smart.Request{Scopes: chart})
	return c.Finish(context.Background(), attempt, answer)
}

// refusal is the code of an *Error, or what else the error says.
func refusal(err error) string {
	if refused, ok := errors.AsType[*smart.Error](err); ok {
		return refused.Code
	}
	if err == nil {
		return ""
	}
	return err.Error()
}
