// Package kittest runs the sample apps against a small server, for their tests.
package kittest

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

// Start serves an app for a server, at which it registers itself, until the test ends.
func Start(t *testing.T, p *kit.Plan, s *smarttest.Server) (self string, client *smart.Client) {
	t.Helper()
	server, err := smart.Discover(t.Context(), s.Base, smart.Options{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(nil)
	self = "http://" + web.Listener.Addr().String()
	if client, err = kit.Register(t.Context(), p, server, self); err != nil {
		t.Fatal(err)
	}
	web.Config.Handler = kit.New(p, client, self)
	web.Start()
	t.Cleanup(web.Close)
	return self, client
}

// Standalone is where a standalone launch of an app begins.
func Standalone(self string, s *smarttest.Server) string {
	return self + "/launch?iss=" + url.QueryEscape(s.Base)
}

// Browser keeps cookies and follows redirects.
type Browser struct {
	t *testing.T
	*http.Client
}

// Open makes a browser.
func Open(t *testing.T) Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return Browser{t, &http.Client{Jar: jar}}
}

// Page is what a browser shows.
type Page struct {
	Address string
	Status  int
	Header  http.Header
	Text    string // without entities
	Source  string
}

// Get shows an address that was typed.
func (b Browser) Get(address string) Page { return b.Send(http.MethodGet, address, "none", nil) }

// Press sends one of the app's forms.
func (b Browser) Press(address string, fields url.Values) Page {
	return b.Send(http.MethodPost, address, "same-origin", fields)
}

// Send sends a request that comes from a site (Sec-Fetch-Site).
func (b Browser) Send(method, address, from string, fields url.Values) Page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(fields.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", from)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return Page{resp.Request.URL.String(), resp.StatusCode, resp.Header, html.UnescapeString(string(body)), string(body)}
}

// Callback goes as far as the address that brings the code to the app.
func (b Browser) Callback(address string) string {
	b.t.Helper()
	for range 2 {
		stop := *b.Client
		stop.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		resp, err := stop.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		resp.Body.Close()
		address = resp.Header.Get("Location")
	}
	return address
}

// Want fails unless the page has the status and the texts.
func (p Page) Want(t *testing.T, status int, texts ...string) Page {
	t.Helper()
	if p.Status != status {
		t.Errorf("%s: status %d, not %d", p.Address, p.Status, status)
	}
	for _, text := range texts {
		if !strings.Contains(p.Text, text) {
			t.Errorf("%s: no %q in\n%s", p.Address, text, p.Text)
		}
	}
	return p
}

// Lacks fails if the page has one of the texts.
func (p Page) Lacks(t *testing.T, texts ...string) Page {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.Text, text) {
			t.Errorf("%s: %q is shown", p.Address, text)
		}
	}
	return p
}
