package smart_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestRequestsForRecordsHaveTheToken(t *testing.T) {
	s := smarttest.New(t)
	c := register(t, s)
	fhir := &http.Client{Transport: &smart.Transport{Server: c.Server, Source: c.Source(signIn(t, c), nil)}}
	status, body := get(t, fhir, s.Base+"/Patient/maria")
	if status != http.StatusOK || !strings.Contains(body, "Delgado") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, fhir, s.Base+"/Observation?patient=maria"); status != http.StatusForbidden {
		t.Errorf("outside the scopes: %d", status)
	}
}

func TestNobodyElseGetsTheToken(t *testing.T) {
	s := smarttest.New(t)
	c := register(t, s)
	var sent string
	transport := &smart.Transport{Server: c.Server, Source: c.Source(signIn(t, c), nil), Next: roundTripper(func(r *http.Request) (*http.Response, error) {
		sent = r.Header.Get("Authorization")
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
	})}
	for address, ours := range map[string]bool{
		s.Base: true, s.Base + "/Patient": true, s.Base + "?_type=Patient": true,
		s.Base + "x": false, s.URL: false, s.URL + "/keys": false,
		"http://other.example/fhir/Patient": false, strings.Replace(s.Base, "http:", "https:", 1) + "/Patient": false,
	} {
		resp, err := transport.RoundTrip(newRequest(t, address))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if ours != (sent != "") {
			t.Errorf("%s is sent the header %q", address, sent)
		}
	}
}

func TestARedirectDoesNotCarryTheTokenAway(t *testing.T) {
	seen := "nothing"
	away := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Get("Authorization") }))
	defer away.Close()
	web := httptest.NewServer(http.RedirectHandler(away.URL, http.StatusFound))
	defer web.Close()
	s := smarttest.New(t)
	c := register(t, s)
	token := signIn(t, c)
	c.Server.Base = web.URL
	fhir := &http.Client{Transport: &smart.Transport{Server: c.Server, Source: c.Source(token, nil)}}
	if get(t, fhir, web.URL+"/Patient"); seen != "" {
		t.Errorf("the other server was sent %q", seen)
	}
}

func TestARefusedTokenIsRenewedAndTheRequestSentAgain(t *testing.T) {
	s := smarttest.New(t)
	c := register(t, s)
	fhir := &http.Client{Transport: &smart.Transport{Server: c.Server, Source: c.Source(signIn(t, c), nil)}}
	s.EndTokens()
	if status, _ := get(t, fhir, s.Base+"/Patient/maria"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if n := s.Count("/fhir/Patient/maria"); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestARefusedTokenThatCannotBeRenewedLeavesThe401(t *testing.T) {
	s := smarttest.New(t)
	c := register(t, s)
	token := signIn(t, c)
	fhir := &http.Client{Transport: &smart.Transport{Server: c.Server, Source: c.Source(token, nil)}}
	if err := c.Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, fhir, s.Base+"/Patient/maria"); status != http.StatusUnauthorized {
		t.Errorf("status %d", status)
	}
}

func TestABodyIsSentAgainOnlyIfItCanBe(t *testing.T) {
	var bodies []string
	next := roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		status := http.StatusUnauthorized
		if len(bodies) == 2 {
			status = http.StatusCreated
		}
		return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, err
	})
	s := smarttest.New(t)
	c := register(t, s)
	transport := &smart.Transport{Server: c.Server, Source: c.Source(signIn(t, c), nil), Next: next}
	for _, form := range []struct {
		body io.Reader
		want int
	}{{strings.NewReader("twice"), http.StatusCreated}, {io.NopCloser(strings.NewReader("once")), http.StatusUnauthorized}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Base+"/Patient", form.body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil || resp.StatusCode != form.want || req.Header.Get("Authorization") != "" {
			t.Errorf("answer %+v, error %v, request header %v", resp, err, req.Header)
		}
	}
	if strings.Join(bodies, " ") != "twice twice once" {
		t.Errorf("sent was %q", bodies)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func get(t *testing.T, c *http.Client, address string) (int, string) {
	t.Helper()
	resp, err := c.Do(newRequest(t, address))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// fake is the address of a server that always says the same.
func fake(t *testing.T, body string) string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(web.Close)
	return web.URL
}
