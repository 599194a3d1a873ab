package smart_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestAnAnswerOfAnotherServerIsRefused(t *testing.T) {
	for name, change := range map[string]func(url.Values){
		"another iss":           func(q url.Values) { q.Set("iss", "https://evil.example") },
		"no iss":                func(q url.Values) { q.Del("iss") },
		"empty iss":             func(q url.Values) { q.Set("iss", "") },
		"iss as far as a slash": func(q url.Values) { q.Set("iss", q.Get("iss")+"/") },
		"an error of another server": func(q url.Values) {
			q.Set("iss", "https://evil.example")
			q.Set("error", "access_denied")
		},
	} {
		s := smarttest.New(t)
		s.Redirect = change
		if _, err := finish(t, register(t, s)); !errors.Is(err, smart.ErrIssuer) {
			t.Errorf("%s: %v", name, err)
		}
		if n := s.Count("/token"); n != 0 {
			t.Errorf("%s: the code was sent all the same", name)
		}
	}
}

// Mix-up: the app is made to believe that it talks to the attacker's server, which
// sends the browser on to the honest one; the code must not reach the attacker.
func TestACodeOfAnotherServerIsNotSentToTheOneThatWasAsked(t *testing.T) {
	honest, evil := smarttest.New(t), smarttest.New(t)
	atHonest, atEvil := register(t, honest), register(t, evil)
	attempt, err := atEvil.Authorize(smart.Request{Scopes: chart})
	if err != nil {
		t.Fatal(err)
	}
	_, answer := begin(t, atHonest, smart.Request{Scopes: chart})
	answer.Set("state", attempt.State)
	if _, err := atEvil.Finish(t.Context(), attempt, answer); !errors.Is(err, smart.ErrIssuer) {
		t.Errorf("error %v", err)
	}
	if evil.Count("/token") != 0 {
		t.Error("the attacker got the code")
	}
}

func TestAnAttemptIsFinishedWhereItWasBegun(t *testing.T) {
	here, there := smarttest.New(t), smarttest.New(t)
	silent := func(config map[string]any) { delete(config, "authorization_response_iss_parameter_supported") }
	here.Changes, there.Changes = silent, silent
	begun, answer := begin(t, register(t, here), smart.Request{Scopes: chart})
	answer.Del("iss")
	elsewhere, another := register(t, there), register(t, here)
	for name, c := range map[string]*smart.Client{
		"at another server": {Server: elsewhere.Server, ID: begun.Client, Redirect: redirect},
		"as another client": {Server: another.Server, ID: another.ID, Redirect: redirect},
	} {
		if _, err := c.Finish(t.Context(), begun, answer); !errors.Is(err, smart.ErrIssuer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if here.Count("/token")+there.Count("/token") != 0 {
		t.Error("the code was sent all the same")
	}
}

func TestSecretsDoNotFollowRedirects(t *testing.T) {
	s := smarttest.New(t)
	c := confidential(t, s)
	followed := false
	away := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer away.Close()
	web := httptest.NewServer(http.RedirectHandler(away.URL, http.StatusTemporaryRedirect))
	defer web.Close()
	c.Server.Configuration.TokenEndpoint = web.URL
	if _, err := finish(t, c); err == nil || followed {
		t.Errorf("error %v, followed %v", err, followed)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	s := smarttest.New(t)
	s.Changes = func(config map[string]any) { config["padding"] = strings.Repeat("x", 2<<20) }
	if _, err := smart.Discover(t.Context(), s.Base, smart.Options{}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v", err)
	}
}

func TestAnAnswerWithAnotherStateIsRefused(t *testing.T) {
	for name, change := range map[string]func(url.Values){
		"another": func(q url.Values) { q.Set("state", "x") },
		"none":    func(q url.Values) { q.Del("state") },
		"empty":   func(q url.Values) { q.Set("state", "") },
	} {
		s := smarttest.New(t)
		s.Redirect = change
		if _, err := finish(t, register(t, s)); !errors.Is(err, smart.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := register(t, smarttest.New(t))
	if _, err := c.Finish(t.Context(), &smart.Attempt{Base: c.Server.Base, Client: c.ID}, url.Values{"code": {"x"}}); !errors.Is(err, smart.ErrState) {
		t.Errorf("without an attempt: %v", err)
	}
}

func TestAnAnswerThatSaysTwoThingsIsRefused(t *testing.T) {
	s := smarttest.New(t)
	s.Redirect = func(q url.Values) { q.Add("code", "another") }
	if _, err := finish(t, register(t, s)); err == nil || s.Count("/token") != 0 {
		t.Errorf("error %v", err)
	}
}

func TestAStolenCodeIsNoGoodWithoutItsVerifier(t *testing.T) {
	c := register(t, smarttest.New(t))
	_, stolen := begin(t, c, smart.Request{Scopes: chart})
	own, answer := begin(t, c, smart.Request{Scopes: chart})
	answer.Set("code", stolen.Get("code"))
	if _, err := c.Finish(t.Context(), own, answer); refusal(err) != "invalid_grant" {
		t.Errorf("error %v", err)
	}
}

func TestAServerWithoutS256IsRefused(t *testing.T) {
	for _, methods := range [][]string{nil, {"plain"}} {
		s := smarttest.New(t)
		s.Changes = func(config map[string]any) { config["code_challenge_methods_supported"] = methods }
		if _, err := register(t, s).Authorize(smart.Request{Scopes: chart}); err == nil {
			t.Errorf("PKCE by %v is taken", methods)
		}
	}
}

func TestAnIDTokenWithWrongClaimsIsRefused(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"another nonce":           func(c map[string]any) { c["nonce"] = "x" },
		"no nonce":                func(c map[string]any) { delete(c, "nonce") },
		"another issuer":          func(c map[string]any) { c["iss"] = "https://evil.example" },
		"no issuer":               func(c map[string]any) { delete(c, "iss") },
		"another client":          func(c map[string]any) { c["aud"] = "another" },
		"no subject":              func(c map[string]any) { delete(c, "sub") },
		"several clients, no azp": func(c map[string]any) { c["aud"] = []any{c["aud"], "another"} },
		"azp of another client":   func(c map[string]any) { c["azp"] = "another" },
		"expired":                 func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() },
		"never expires":           func(c map[string]any) { delete(c, "exp") },
		"issued in the future":    func(c map[string]any) { c["iat"] = time.Now().Add(time.Minute).Unix() },
		"never issued":            func(c map[string]any) { delete(c, "iat") },
	} {
		s := smarttest.New(t)
		s.Claims = change
		if _, err := finish(t, register(t, s)); !errors.Is(err, smart.ErrIDToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnIDTokenSignedInAnotherWayIsRefused(t *testing.T) {
	s := smarttest.New(t)
	public := s.RotateKey()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	other, err := smart.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	foreign := other.Private()
	for name, sign := range map[string]func(any) string{
		"HS256 with the public key as secret": func(claims any) string { return smarttest.Sign(jose.HS256, asPEM, claims) },
		"none": func(claims any) string {
			body, _ := json.Marshal(claims)
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
		},
		"a key that is not the server's": func(claims any) string { return smarttest.Sign(jose.ES384, foreign, claims) },
		"a key that it brings itself": func(claims any) string {
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: foreign.Key}, &jose.SignerOptions{EmbedJWK: true})
			if err != nil {
				panic(err)
			}
			body, _ := json.Marshal(claims)
			signed, err := signer.Sign(body)
			if err != nil {
				panic(err)
			}
			text, _ := signed.CompactSerialize()
			return text
		},
	} {
		s.Sign = sign
		if _, err := finish(t, register(t, s)); !errors.Is(err, smart.ErrIDToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnIDTokenThatWasGrantedAndNotSentIsMissed(t *testing.T) {
	s := smarttest.New(t)
	s.Sign = func(any) string { return "" }
	if _, err := finish(t, register(t, s)); !errors.Is(err, smart.ErrIDToken) {
		t.Errorf("error %v", err)
	}
}

func TestDiscoverySendsNoSecretsOverPlainHTTP(t *testing.T) {
	for name, address := range map[string]string{
		"http":        "http://ehr.example/token",
		"relative":    "/token",
		"other":       "ftp://ehr.example/token",
		"with a user": "https://me@ehr.example/token",
		"missing":     "",
	} {
		s := smarttest.New(t)
		s.Changes = func(config map[string]any) { config["token_endpoint"] = address }
		if _, err := smart.Discover(t.Context(), s.Base, smart.Options{}); err == nil {
			t.Errorf("%s: %q is taken", name, address)
		}
	}
	if _, err := smart.Discover(t.Context(), "http://ehr.example/fhir", smart.Options{}); err == nil {
		t.Error("a FHIR server by http is taken")
	}
}
