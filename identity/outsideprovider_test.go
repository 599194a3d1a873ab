package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// op is an outside provider. Tests bend it.
type op struct {
	*httptest.Server
	key       *ecdsa.PrivateKey
	clock     *clock
	discovery map[string]any
	challenge string // of the last authorization
	asked     url.Values
	bend      func(claims map[string]any)
	sign      func(payload []byte) string // nil: ES256 with key
	keys      string                      // "": key's JWKS
}

func newOP(t *testing.T, c *clock) *op {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &op{key: key, clock: c}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { answer(w, p.discovery) })
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		if p.keys != "" {
			_, _ = w.Write([]byte(p.keys))
			return
		}
		answer(w, map[string]any{"keys": []any{
			map[string]string{"kty": "unheard-of", "kid": "k"},
			jose.JSONWebKey{Key: p.key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"},
		}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() != nil || r.Form.Get("code") != "right" {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
		id, secret, _ := r.BasicAuth()
		if base64.RawURLEncoding.EncodeToString(sum[:]) != p.challenge || id != "ingle" || secret != "s" || r.Form.Get("redirect_uri") != p.asked.Get("redirect_uri") {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		answer(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": p.idToken(t)})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	p.discovery = map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize?tenant=east", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/jwks",
	}
	return p
}

func (p *op) idToken(t *testing.T) string {
	now := p.clock.now().Unix()
	claims := map[string]any{"iss": p.URL, "sub": "s-1", "aud": "ingle", "iat": now, "exp": now + 300, "nonce": p.asked.Get("nonce"),
		"name": "Noor Outside", "preferred_username": "noor"}
	if p.bend != nil {
		p.bend(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Error(err)
	}
	if p.sign != nil {
		return p.sign(payload)
	}
	return compact(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k"}}, payload)
}

func compact(t *testing.T, key jose.SigningKey, payload []byte) string {
	s, err := jose.NewSigner(key, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	signed, err := s.Sign(payload)
	if err != nil {
		t.Error(err)
		return ""
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Error(err)
	}
	return text
}

const callback = "https://ehr.example/auth/outside"

// begin begins a sign-in and plays the browser up to the way back.
func (p *op) begin(t *testing.T, h house, link *Session) (cookie string, answer url.Values) {
	t.Helper()
	address, cookie, err := h.BeginOutside(h.ctx, "op", callback, link)
	if err != nil {
		t.Fatal(err)
	}
	answer = url.Values{}
	p.follow(t, address, answer)
	return cookie, answer
}

// follow goes to the provider and signs in there.
func (p *op) follow(t *testing.T, address string, answer url.Values) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p.asked = u.Query()
	p.challenge = p.asked.Get("code_challenge")
	answer.Set("code", "right")
	answer.Set("state", p.asked.Get("state"))
}

// withOP is a house with an outside provider.
func withOP(t *testing.T, c Provider) (house, *op) {
	t.Helper()
	h := openHouse(t, Config{AllowPrivate: true})
	p := newOP(t, h.clock)
	c.ID, c.Name, c.Issuer, c.ClientID, c.Secret = "op", "The Outside", p.URL, "ingle", "s"
	if err := h.SetProvider(h.ctx, c); err != nil {
		t.Fatal(err)
	}
	return h, p
}

func embedded(t *testing.T, key *ecdsa.PrivateKey, payload []byte) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func keySet(t *testing.T, k jose.JSONWebKey) string {
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
