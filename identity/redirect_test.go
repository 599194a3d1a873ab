package identity

import (
	"strings"
	"testing"
)

func TestALoopbackRedirectMatchesWithAnyPort(t *testing.T) {
	c := Client{Redirects: []string{"http://127.0.0.1:1/cb?a=b", "http://[::1]/cb"}}
	for asked, want := range map[string]bool{
		"http://127.0.0.1:65000/cb?a=b": true, "http://127.0.0.1/cb?a=b": true, "http://[::1]:7/cb": true,
		"http://127.0.0.1:65000/cb": false, "http://127.0.0.1:1/cb?a=b#x": false, "http://[::1]:7/cb2": false,
		"http://[::1%25eth0]:7/cb": false, "http://127.1:1/cb?a=b": false, "http://127.0.0.1:1:2/cb?a=b": false,
	} {
		if got := c.MatchRedirect(asked); got != want {
			t.Errorf("%s: %v", asked, got)
		}
	}
}

func TestAnOriginIsWrittenAsBrowsersDo(t *testing.T) {
	for uri, want := range map[string]string{
		"https://App.example/x?y":     "https://app.example",
		"https://app.example:443/":    "https://app.example",
		"http://localhost:80":         "http://localhost",
		"http://localhost:3000/cb":    "http://localhost:3000",
		"http://[::1]:3000/cb":        "http://[::1]:3000",
		"http://[::1]/cb":             "http://[::1]",
		"com.example.app:/back":       "",
		"javascript:alert(1)":         "",
		"https://":                    "",
		"https://user@app.example/":   "https://app.example",
		"ftp://app.example/":          "",
		"https://app.example:8443/cb": "https://app.example:8443",
	} {
		if got := originOf(uri); got != want {
			t.Errorf("%s: %q", uri, got)
		}
	}
}

func TestARedirectThatCannotBeTrustedIsNotRegistered(t *testing.T) {
	for _, uri := range []string{
		"", "/back", "back", "https://", "http://app.example/", "https://app.example/#x", "https://u:p@app.example/", "https://*.example/", "https://app.example/ x",
		"javascript:alert(1)", "data:text/html,x", "myapp:/back", "https://app.example/\\x", "https://app.example;sandbox/x", "https://app.example,x/", "https://äpp.example/", "https://app.example/" + strings.Repeat("x", 3000),
	} {
		if checkRedirect(uri) == nil {
			t.Errorf("%q is registered", uri)
		}
	}
	for _, uri := range []string{"https://app.example/back?x=y", "http://localhost:3000/", "http://127.0.0.1/", "http://[::1]:3/", "com.example.app:/back", "com.example.app://back/x"} {
		if err := checkRedirect(uri); err != nil {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

// Whatever matches a registered redirect is that one, but for the port of a
// loopback address.
func FuzzMatchRedirect(f *testing.F) {
	for _, uri := range []string{"http://127.0.0.1:1/cb", "http://[::1]:1/cb", "http://127.0.0.1@x/cb", "https://app.example/cb", "http://127.0.0.1:/cb", "http://127.0.0.1?x"} {
		f.Add(uri, "http://127.0.0.1:2/cb")
		f.Add(uri, uri)
	}
	f.Fuzz(func(t *testing.T, asked, registered string) {
		c := Client{Redirects: []string{registered}}
		if checkRedirect(registered) != nil || !c.MatchRedirect(asked) {
			return
		}
		if asked == registered {
			return
		}
		if err := checkRedirect(asked); err != nil {
			t.Fatalf("%q matches %q and cannot itself be registered: %v", asked, registered, err)
		}
		a, r := originOf(asked), originOf(registered)
		host := func(origin string) string {
			rest := strings.TrimPrefix(origin, "http://")
			if i := strings.LastIndex(rest, ":"); i > strings.LastIndex(rest, "]") {
				rest = rest[:i]
			}
			return rest
		}
		if host(a) != host(r) || host(a) != "127.0.0.1" && host(a) != "[::1]" {
			t.Fatalf("%q matches %q", asked, registered)
		}
	})
}
