package identity

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/internal/guard"
)

func TestAProviderThatIsNotWhatItSaysIsRefused(t *testing.T) {
	h, p := withOP(t, Provider{})
	for name, value := range map[string]any{
		"issuer": "https://evil.example", "authorization_endpoint": "javascript:alert(1)", "token_endpoint": "ftp://op.example/token", "jwks_uri": nil,
	} {
		was := p.discovery[name]
		p.discovery[name] = value
		if _, _, err := h.BeginOutside(h.ctx, "op", callback, nil); !errors.Is(err, ErrOutside) {
			t.Errorf("%s %v: %v", name, value, err)
		}
		p.discovery[name] = was
	}
	if _, _, err := h.BeginOutside(h.ctx, "another", callback, nil); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestProvidersAreListedWithoutSecretsAndKeepThem(t *testing.T) {
	h, p := withOP(t, Provider{})
	if err := h.SetProvider(h.ctx, Provider{ID: "op", Name: "Renamed", Issuer: p.URL, ClientID: "ingle"}); err != nil {
		t.Fatal(err)
	}
	all, err := h.Providers(h.ctx)
	if err != nil || len(all) != 1 || all[0].Name != "Renamed" || all[0].Secret != "" {
		t.Errorf("%+v, %v", all, err)
	}
	if kept, err := h.provider(h.ctx, "op"); err != nil || kept.Secret != "s" {
		t.Errorf("%v", err)
	}
	for _, bad := range []Provider{
		{Issuer: p.URL, ClientID: "c"}, {ID: "a/b", Issuer: p.URL, ClientID: "c"}, {ID: "p", ClientID: "c"}, {ID: "p", Issuer: p.URL}, {ID: "p", Issuer: "ftp://x", ClientID: "c"},
		{ID: "p", Issuer: p.URL, ClientID: "c", Scopes: []string{"a b"}}, {ID: "p", Issuer: p.URL, ClientID: "c", Roles: []Role{"chief"}},
	} {
		if err := h.SetProvider(h.ctx, bad); err == nil {
			t.Errorf("%+v", bad)
		}
	}
	if err := h.RemoveProvider(h.ctx, "op"); err != nil {
		t.Fatal(err)
	}
	if all, err := h.Providers(h.ctx); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestPlainHTTPIsRefusedWherePrivateAddressesAre(t *testing.T) {
	h := openHouse(t, Config{})
	if err := h.SetProvider(h.ctx, Provider{ID: "p", Issuer: "http://op.example", ClientID: "c"}); err == nil {
		t.Error("http")
	}
}

func TestTheGuardedClientDialsNothingPrivate(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	for _, address := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), strings.Replace(server.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
		_, err := GuardedClient(false).Get(address)
		if !errors.Is(err, guard.ErrPrivate) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("it was asked")
	}
	r, err := GuardedClient(true).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
}

func TestRedirectsLeadNowhereElse(t *testing.T) {
	var secrets atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { secrets.Add(1) }))
	t.Cleanup(target.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(server.Close)
	if _, err := GuardedClient(true).Post(server.URL, "text/plain", strings.NewReader("secret")); err == nil || secrets.Load() != 0 {
		t.Errorf("a POST was: %v", err)
	}
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }))
	t.Cleanup(loop.Close)
	if _, err := GuardedClient(true).Get(loop.URL); err == nil {
		t.Error("round and round")
	}
}
