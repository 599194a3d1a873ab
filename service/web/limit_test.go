package web

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/store/sqlite"
)

// limited serves a site behind a proxy on the loopback interface.
func limited(t *testing.T, rules ...string) (url string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	by := map[string]*limits.Limiter{}
	l, err := limits.Open(t.Context(), limits.Config{Store: s, Defaults: []limits.Rule{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range rules {
		r, err := limits.ParseRule(text)
		if err == nil {
			_, err = l.Put(context.WithoutCancel(t.Context()), r, "test")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	by[""] = l
	site := New(Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	site.Limits = func(tenant string) *limits.Limiter { return by[tenant] }
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "served") })
	for _, path := range []string{"/fhir/", "/auth/token", "/clinic", "/t/{tenant}/fhir/"} {
		site.Handle(path, ok)
	}
	site.Health(func(context.Context) error { return nil })
	server := httptest.NewUnstartedServer(nil)
	server.Config = site.Server()
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func TestWhoChoosesAmongAddressesHasOneTurn(t *testing.T) {
	gate := limits.NewGate(limits.GateConfig{Slots: 4, Each: 1, Patience: time.Millisecond})
	enter := func(address string) error {
		r := httptest.NewRequest(http.MethodGet, "/clinic", nil)
		r.RemoteAddr = net.JoinHostPort(address, "1")
		x := &Exchange{}
		if err := new(Site).limit(x, r); err != nil {
			t.Fatal(err)
		}
		return x.Enter(r, gate, "")
	}
	for _, one := range []struct {
		address string
		enters  bool
	}{{"2001:db8::1", true}, {"2001:db8::2", false}, {"2001:db8:0:1::1", true}, {"192.0.2.1", true}, {"192.0.2.1", false}, {"192.0.2.2", true}} {
		if err := enter(one.address); (err == nil) != one.enters {
			t.Errorf("%s: %v", one.address, err)
		}
	}
}

func TestAnAddressThatAsksTooOftenIsRefusedAsItReads(t *testing.T) {
	url := limited(t, "address requests 2/h")
	from := func(address string) []string { return []string{"X-Forwarded-For", address} }
	for range 2 {
		resp, _ := get(t, url+"/fhir/Patient", from("2001:db8::7")...)
		if resp.StatusCode != 200 || resp.Header.Get("RateLimit-Policy") != `"address-requests";q=2;w=3600` || resp.Header.Get("RateLimit") == "" {
			t.Errorf("%d %v", resp.StatusCode, resp.Header)
		}
	}
	// All of a network is one.
	resp, body := get(t, url+"/fhir/Patient", append(from("2001:db8::8"), "Accept", "application/fhir+json")...)
	if resp.StatusCode != 429 || !strings.Contains(body, `"code":"throttled"`) || resp.Header.Get("Retry-After") == "" || !strings.Contains(resp.Header.Get("RateLimit"), `;r=0;t=`) {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	resp, body = get(t, url+"/fhir/Patient", append(from("2001:db8::8"), "Accept", "application/fhir+xml")...)
	if resp.StatusCode != 429 || !strings.Contains(body, `<code value="throttled"/>`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, body = exchange(t, http.MethodPost, url+"/auth/token", strings.NewReader("grant_type=x"), from("2001:db8::8")...)
	var refused struct {
		Error string
		Why   string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(body), &refused); err != nil || resp.StatusCode != 429 || refused.Error != "temporarily_unavailable" || refused.Why == "" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, body = get(t, url+"/clinic", append(from("2001:db8::8"), "Accept", "text/html,*/*")...)
	if resp.StatusCode != 429 || !strings.Contains(body, "<h1>Too many requests</h1>") || !strings.Contains(resp.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for _, other := range []string{"2001:db8:0:1::7", "192.0.2.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"} {
		if resp, body := get(t, url+"/fhir/Patient", from(other)...); resp.StatusCode != 200 {
			t.Errorf("%s: %d %s", other, resp.StatusCode, body)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/t/nobody/fhir/Patient"} {
		if resp, body := get(t, url+path, from("2001:db8::8")...); resp.StatusCode != 200 || resp.Header.Get("RateLimit") != "" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}
