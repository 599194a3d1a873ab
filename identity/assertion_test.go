package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

var (
	appRSA = sync.OnceValue(func() *rsa.PrivateKey { return ok(rsa.GenerateKey(rand.Reader, 2048)) })
	appEC  = sync.OnceValue(func() *ecdsa.PrivateKey { return ok(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
)

func ok[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func publicSet(keys ...jose.JSONWebKey) []byte {
	return ok(json.Marshal(jose.JSONWebKeySet{Keys: keys}))
}

func publicKey(id string, k crypto.PublicKey) jose.JSONWebKey {
	return jose.JSONWebKey{KeyID: id, Key: k}
}

const tokenEndpoint = "https://ehr.example/auth/token"

var jtis atomic.Int64

// sign makes an assertion of a client with the key called id.
func (h house) sign(c *Client, id string) string {
	signer := ok(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: jose.JSONWebKey{Key: appEC(), KeyID: id}}, nil))
	claims := map[string]any{"iss": c.ID, "sub": c.ID, "aud": []string{tokenEndpoint}, "jti": fmt.Sprint(jtis.Add(1)), "exp": h.clock.now().Add(5 * time.Minute).Unix()}
	return ok(ok(signer.Sign(ok(json.Marshal(claims)))).CompactSerialize())
}

func (h house) prove(assertion string) (*Client, error) {
	return h.AuthenticateClient(h.ctx, ClientProof{AssertionType: AssertionType, Assertion: assertion, Audiences: []string{tokenEndpoint}})
}

func withKeys(set []byte, uri string) func(*Client) {
	return func(c *Client) {
		c.Auth, c.Grants, c.Redirects, c.JWKS, c.JWKSURI = AuthAsymmetric, []GrantType{ClientCredentials}, nil, set, uri
		c.Scopes = append(c.Scopes[:0], "system/*.rs")
	}
}

func TestAnAssertionIsGoodOnceInWhateverProcess(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		c := a.app(t, withKeys(publicSet(publicKey("e", appEC().Public())), ""))
		text := a.sign(c, "e")
		var wait sync.WaitGroup
		var good atomic.Int64
		for i := range 8 {
			h := []house{a, b}[i%2]
			wait.Go(func() {
				_, err := h.prove(text)
				if err == nil {
					good.Add(1)
				} else if r, refused := errors.AsType[*Refused](err); !refused || r.Code != InvalidClient || !strings.Contains(r.Why, "jti") {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if good.Load() != 1 {
			t.Errorf("it was good %d times", good.Load())
		}
	})
}

// keyHost serves a key set over HTTP.
type keyHost struct {
	*httptest.Server
	mu      sync.Mutex
	answer  func(w http.ResponseWriter)
	fetched int
}

func newKeyHost(t *testing.T) *keyHost {
	k := &keyHost{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.fetched++
		k.answer(w)
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *keyHost) set(answer func(w http.ResponseWriter)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = answer
}

func (k *keyHost) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fetched
}

func keysAnswer(cache string, set []byte) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if cache != "" {
			w.Header().Set("Cache-Control", cache)
		}
		_, _ = w.Write(set)
	}
}

func TestAKeySetIsKeptAsItsCacheControlSays(t *testing.T) {
	host := newKeyHost(t)
	set := publicSet(publicKey("e", appEC().Public()))
	for cache, x := range map[string]struct {
		after time.Duration
		again bool
	}{
		"":                         {4 * time.Minute, false},
		"max-age=60":               {61 * time.Second, true},
		"public, max-age=600":      {9 * time.Minute, false},
		"max-age=31536000":         {25 * time.Hour, true},
		"no-store":                 {time.Second, true},
		"no-cache, max-age=600":    {time.Second, true},
		"max-age=nonsense":         {time.Second, true},
		"private, MAX-AGE=\"600\"": {9 * time.Minute, false},
	} {
		h := openHouse(t, Config{AllowPrivate: true})
		c := h.app(t, withKeys(nil, host.URL))
		host.set(keysAnswer(cache, set))
		before := host.count()
		if _, err := h.prove(h.sign(c, "e")); err != nil {
			t.Fatal(err)
		}
		h.clock.jump(x.after)
		if _, err := h.prove(h.sign(c, "e")); err != nil {
			t.Fatal(err)
		}
		if again := host.count()-before == 2; again != x.again {
			t.Errorf("%q: fetched %d times", cache, host.count()-before)
		}
	}
}

func TestAnUnknownKidHasTheKeySetFetchedOnceMore(t *testing.T) {
	host := newKeyHost(t)
	h := openHouse(t, Config{AllowPrivate: true})
	c := h.app(t, withKeys(nil, host.URL))
	host.set(keysAnswer("", publicSet(publicKey("old", appEC().Public()))))
	if _, err := h.prove(h.sign(c, "old")); err != nil {
		t.Fatal(err)
	}
	h.clock.jump(refetchGap)
	host.set(keysAnswer("", publicSet(publicKey("new", appEC().Public()))))
	if _, err := h.prove(h.sign(c, "new")); err != nil {
		t.Errorf("the client has a new key: %v", err)
	}
	before := host.count()
	for range 20 {
		if _, err := h.prove(h.sign(c, "unknown")); err == nil {
			t.Error("an unknown key is good")
		}
	}
	if n := host.count() - before; n > 1 {
		t.Errorf("unknown keys had it fetched %d times", n)
	}
}

func TestAttackRequestForgeryThroughJWKSURI(t *testing.T) {
	host := newKeyHost(t)
	good := keysAnswer("", publicSet(publicKey("e", appEC().Public())))
	t.Run("an address of this machine", func(t *testing.T) {
		host.set(good)
		h := openHouse(t, Config{})
		// It was registered before, or its name leads here now.
		c := h.app(t, withKeys(nil, "https://keys.example/jwks"))
		c.JWKSURI = host.URL
		w := changes{}
		w.put(kindClient, c.ID, c.Version, c, time.Time{})
		if err := h.write(h.ctx, &w); err != nil {
			t.Fatal(err)
		}
		before := host.count()
		if _, err := h.prove(h.sign(c, "e")); codeOf(t, err) != InvalidClient || host.count() != before {
			t.Errorf("%v; fetched %d times", err, host.count()-before)
		}
	})
	for name, answer := range map[string]func(w http.ResponseWriter){
		"an error":       func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"not a key set":  keysAnswer("", []byte("<html>")),
		"a list":         keysAnswer("", []byte("[]")),
		"without end":    keysAnswer("", append([]byte(`{"keys":[]`), strings.Repeat(" ", maxKeySet)...)),
		"too many keys":  keysAnswer("", []byte(`{"keys":[`+strings.Repeat("{},", maxKeys)+`{}]}`)),
		"a private key":  keysAnswer("", publicSet(jose.JSONWebKey{KeyID: "e", Key: appEC()})),
		"the key twice":  keysAnswer("", publicSet(publicKey("e", appEC().Public()), publicKey("e", appEC().Public()))),
		"an RSA key":     keysAnswer("", publicSet(publicKey("e", appRSA().Public()))),
		"for encryption": keysAnswer("", publicSet(jose.JSONWebKey{KeyID: "e", Key: appEC().Public(), Use: "enc"})),
	} {
		t.Run(name, func(t *testing.T) {
			host.set(answer)
			h := openHouse(t, Config{AllowPrivate: true})
			c := h.app(t, withKeys(nil, host.URL))
			if _, err := h.prove(h.sign(c, "e")); codeOf(t, err) != InvalidClient {
				t.Error(err)
			}
		})
	}
	t.Run("a redirect", func(t *testing.T) {
		host.set(good)
		leads := httptest.NewServer(http.RedirectHandler(host.URL, http.StatusFound))
		defer leads.Close()
		h := openHouse(t, Config{AllowPrivate: true})
		c := h.app(t, withKeys(nil, leads.URL))
		before := host.count()
		if _, err := h.prove(h.sign(c, "e")); codeOf(t, err) != InvalidClient || host.count() != before {
			t.Errorf("%v; fetched %d times", err, host.count()-before)
		}
	})
	t.Run("an address that is not to be fetched", func(t *testing.T) {
		h := openHouse(t, Config{})
		for _, uri := range []string{"http://keys.example/", "file:///etc/passwd", "https:///x", "gopher://x.example/", "https://u:p@x.example/", "/x"} {
			c := &Client{Name: "x", Approved: true, Scopes: nil}
			withKeys(nil, uri)(c)
			if _, err := h.CreateClient(h.ctx, c); codeOf(t, err) != InvalidClientMetadata {
				t.Errorf("%s: %v", uri, err)
			}
		}
	})
}

// No text makes the parser panic, or pass what is not of an algorithm of the list.
func FuzzParseAssertion(f *testing.F) {
	signer := ok(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: jose.JSONWebKey{Key: appEC(), KeyID: "e"}}, (&jose.SignerOptions{}).WithType("JWT")))
	f.Add(ok(ok(signer.Sign([]byte(`{"iss":"a","sub":"a","aud":"` + tokenEndpoint + `","exp":1772356000,"jti":"1"}`))).CompactSerialize()))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Add(`{"payload":"e30","signatures":[{"protected":"eyJhbGciOiJFUzM4NCJ9","signature":"x"}]}`)
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAssertion(text, "JWT")
		if err != nil {
			return
		}
		if !slices.Contains(AssertionAlgorithms, a.alg) || a.keyID == "" {
			t.Fatalf("%q passes with %s and %q", text, a.alg, a.keyID)
		}
		if a.checkClaims(ClientProof{Audiences: []string{tokenEndpoint}}, now) == nil &&
			(a.claims.Issuer == "" || a.claims.ID == "" || !a.claims.Audience.Contains(tokenEndpoint) || a.claims.Expiry.Time().Before(now.Add(-skew))) {
			t.Fatalf("%q passes with %+v", text, a.claims)
		}
	})
}
