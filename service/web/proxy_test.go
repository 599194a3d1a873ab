package web

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestBrowsersThatCameByTLSAreToldToComeByItOnly(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		hsts        time.Duration
		peer, proto string
		tls         bool
		want        string
	}{
		{time.Hour, "192.0.2.1:5", "", true, "max-age=3600"},
		{0, "192.0.2.1:5", "", true, ""},
		{time.Hour, "192.0.2.1:5", "", false, ""},
		{time.Hour, "192.0.2.1:5", "https", false, ""}, // anybody can say so
		{time.Hour, "10.0.0.1:5", "https", false, "max-age=3600"},
		{time.Hour, "10.0.0.1:5", "", false, "max-age=3600"},
		{time.Hour, "10.0.0.1:5", "http", false, ""},
		{0, "10.0.0.1:5", "https", false, ""},
	} {
		site := New(Config{Proxies: proxies, HSTS: c.hsts, Log: slog.New(slog.DiscardHandler)})
		r := httptest.NewRequest(http.MethodGet, "/nowhere", nil)
		r.RemoteAddr = c.peer
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security"); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

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
