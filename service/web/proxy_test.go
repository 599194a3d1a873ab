package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestAProxyThatIsTrustedSaysWhoseRequestItIs(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::1/128")}
	for _, c := range []struct {
		proxies   []netip.Prefix
		peer      string
		forwarded []string
		want      string
	}{
		{nil, "10.0.0.1:5", []string{"192.0.2.1"}, "10.0.0.1:5"},
		{proxies, "10.0.0.1:5", nil, "10.0.0.1:5"},
		{proxies, "10.0.0.1:5", []string{"192.0.2.1"}, "192.0.2.1:5"},
		{proxies, "10.0.0.1:5", []string{"192.0.2.1:99"}, "192.0.2.1:5"},
		{proxies, "10.0.0.1:5", []string{"[2001:db8::1]:99"}, "[2001:db8::1]:5"},
		{proxies, "10.0.0.1:5", []string{"2001:db8::1"}, "[2001:db8::1]:5"},
		{proxies, "[fd00::1]:5", []string{"192.0.2.1"}, "192.0.2.1:5"},
		{proxies, "[::ffff:10.0.0.1]:5", []string{"192.0.2.1"}, "192.0.2.1:5"},
		{proxies, "10.0.0.1:5", []string{"192.0.2.1, 10.0.0.2"}, "192.0.2.1:5"},
		{proxies, "10.0.0.1:5", []string{"192.0.2.1", "10.0.0.2"}, "192.0.2.1:5"},
		// What the client wrote itself.
		{proxies, "10.0.0.1:5", []string{"203.0.113.9, 192.0.2.1"}, "192.0.2.1:5"},
		{proxies, "10.0.0.1:5", []string{"203.0.113.9", "192.0.2.1"}, "192.0.2.1:5"},
		{proxies, "192.0.2.1:5", []string{"203.0.113.9"}, "192.0.2.1:5"},
		{proxies, "192.0.2.1:5", []string{"203.0.113.9, 10.0.0.1"}, "192.0.2.1:5"},
		{proxies, "10.0.0.1:5", []string{"192.0.2.1, unknown"}, "10.0.0.1:5"},
		{proxies, "10.0.0.1:5", []string{"192.0.2.1,"}, "10.0.0.1:5"},
	} {
		site, got := New(Config{Proxies: c.proxies}), ""
		site.Handle("/x", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
		r := httptest.NewRequest(http.MethodGet, "/x", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		site.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s with %q: %s, not %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
