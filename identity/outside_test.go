package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

func TestAnOutsideProviderIsAskedAsOpenIDConnectSays(t *testing.T) {
	h, p := withOP(t, Provider{Scopes: []string{"profile"}})
	p.begin(t, h, nil)
	got := p.asked
	for _, random := range []string{"state", "nonce", "code_challenge"} {
		if len(got.Get(random)) < 43 {
			t.Errorf("%s: %q", random, got.Get(random))
		}
		got.Del(random)
	}
	want := url.Values{"response_type": {"code"}, "client_id": {"ingle"}, "redirect_uri": {callback}, "scope": {"openid profile"}, "code_challenge_method": {"S256"}, "tenant": {"east"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnknownAccountOfAProviderMakesAUserOnlyWhereThatIsWanted(t *testing.T) {
	h, p := withOP(t, Provider{})
	h.user(t, "noor", Administrator) // the same login is not the same person
	cookie, answer := p.begin(t, h, nil)
	if _, err := h.FinishOutside(h.ctx, cookie, answer, ward); !errors.Is(err, ErrUnlinked) {
		t.Fatal(err)
	}
	if err := h.SetProvider(h.ctx, Provider{ID: "op", Issuer: p.URL, ClientID: "ingle", Create: true, Roles: []Role{Nurse}}); err != nil {
		t.Fatal(err)
	}
	cookie, answer = p.begin(t, h, nil)
	in, err := h.FinishOutside(h.ctx, cookie, answer, ward)
	if err != nil {
		t.Fatal(err)
	}
	if u := in.User; u.Login == "noor" || u.Name != "Noor Outside" || !slices.Equal(u.Roles, []Role{Nurse}) || !slices.Equal(in.Methods, []string{MethodOutside}) {
		t.Errorf("%+v", in.User)
	}
	if _, _, err := h.NewSession(h.ctx, in, ward); err != nil {
		t.Error(err)
	}
	cookie, answer = p.begin(t, h, nil)
	again, err := h.FinishOutside(h.ctx, cookie, answer, ward)
	if err != nil || again.User.ID != in.User.ID {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	again.User.Disabled = true
	if _, err := h.UpdateUser(h.ctx, *again.User); err != nil {
		t.Fatal(err)
	}
	cookie, answer = p.begin(t, h, nil)
	if _, err := h.FinishOutside(h.ctx, cookie, answer, ward); !errors.Is(err, ErrDisabled) {
		t.Error(err)
	}
}

func TestTwoFirstSignInsOfAnAccountMakeOneUser(t *testing.T) {
	for _, login := range []string{"", "noor"} { // without one, both would take the same
		interrupt(t, func(a, b house, come func(func())) {
			first := func(h house) string {
				who := &idClaims{Login: login}
				who.Issuer, who.Subject = "https://op.example", "s-1"
				var made *account
				err := again(func() (err error) {
					made, err = h.outsideUser(h.ctx, &Provider{ID: "op", Create: true}, &outside{}, who)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				return made.user.ID
			}
			var other string
			come(func() { other = first(b) })
			if one := first(a); other != "" && one != other {
				t.Errorf("login %q: two users", login)
			}
		})
	}
}

func TestAnAccountIsLinkedToWhoeverIsSignedIn(t *testing.T) {
	h, p := withOP(t, Provider{})
	u := h.user(t, "noor")
	_, n := h.signIn(t, "noor")
	cookie, answer := p.begin(t, h, n)
	if _, err := h.FinishOutside(h.ctx, cookie, answer, ward); err != nil {
		t.Fatal(err)
	}
	cookie, answer = p.begin(t, h, nil)
	in, err := h.FinishOutside(h.ctx, cookie, answer, ward)
	if err != nil || in.User.ID != u.ID {
		t.Fatalf("%+v, %v", in, err)
	}
	accounts, err := h.OutsideAccounts(h.ctx, u.ID)
	if err != nil || len(accounts) != 1 || accounts[0].Subject != "s-1" || accounts[0].Name != "noor" {
		t.Fatalf("%+v, %v", accounts, err)
	}
	other := h.user(t, "other")
	_, second := h.signIn(t, "other")
	cookie, answer = p.begin(t, h, second)
	if _, err := h.FinishOutside(h.ctx, cookie, answer, ward); !errors.Is(err, ErrLinked) {
		t.Errorf("another's account: %v", err)
	}
	if err := h.UnlinkOutside(h.ctx, other.ID, accounts[0].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("another's link removed: %v", err)
	}
	late, answer := p.begin(t, h, n)
	if err := h.UnlinkOutside(h.ctx, u.ID, accounts[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.FinishOutside(h.ctx, late, answer, ward); !errors.Is(err, ErrSession) {
		t.Errorf("linked by an ended session: %v", err)
	}
	cookie, answer = p.begin(t, h, nil)
	if _, err := h.FinishOutside(h.ctx, cookie, answer, ward); !errors.Is(err, ErrUnlinked) {
		t.Errorf("after the link was removed: %v", err)
	}
}

func TestAProviderCountsAsSecondFactorOnlyWhereThatIsSaid(t *testing.T) {
	for multi, want := range map[bool]bool{true: true, false: false} {
		h, p := withOP(t, Provider{Create: true, Roles: []Role{Nurse}, MultiFactor: multi})
		if err := h.SetPolicy(h.ctx, Policy{SecondFactor: []Role{Nurse}}); err != nil {
			t.Fatal(err)
		}
		cookie, answer := p.begin(t, h, nil)
		in, err := h.FinishOutside(h.ctx, cookie, answer, ward)
		if err != nil || (in.Pending == "") != want {
			t.Errorf("%v: %+v, %v", multi, in, err)
		}
	}
}

func TestAnAnswerIsTakenOnceAndOnlyInItsBrowser(t *testing.T) {
	h, p := withOP(t, Provider{Create: true})
	cookie, answer := p.begin(t, h, nil)
	for _, other := range []string{"", "x", outsidePrefix} {
		if _, err := h.FinishOutside(h.ctx, other, answer, ward); !errors.Is(err, ErrOutside) {
			t.Errorf("cookie %q: %v", other, err)
		}
	}
	if _, err := h.FinishOutside(h.ctx, cookie, url.Values{"code": {"right"}, "state": {"made up"}}, ward); !errors.Is(err, ErrOutside) {
		t.Error(err)
	}
	var wait sync.WaitGroup
	var done atomic.Int64
	for range 4 {
		wait.Go(func() {
			_, err := h.FinishOutside(h.ctx, cookie, answer, ward)
			switch {
			case err == nil:
				done.Add(1)
			case !errors.Is(err, ErrOutside):
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if done.Load() != 1 {
		t.Errorf("%d times", done.Load())
	}
	cookie, answer = p.begin(t, h, nil)
	h.clock.jump(outsideLife)
	if _, err := h.FinishOutside(h.ctx, cookie, answer, ward); !errors.Is(err, ErrOutside) {
		t.Errorf("too late: %v", err)
	}
}

func TestABadAnswerOfAProviderSignsNobodyIn(t *testing.T) {
	h, p := withOP(t, Provider{Create: true})
	payloads := func(sign func(payload []byte) string) func(url.Values) {
		return func(url.Values) { p.sign = sign }
	}
	claims := func(name string, value any) func(url.Values) {
		return func(url.Values) {
			p.bend = func(c map[string]any) {
				if value == nil {
					delete(c, name)
					return
				}
				c[name] = value
			}
		}
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := h.clock.now().Unix()
	for name, bend := range map[string]func(answer url.Values){
		"an error":                    func(a url.Values) { a.Set("error", "access_denied") },
		"a wrong code":                func(a url.Values) { a.Set("code", "wrong") },
		"another issuer's (mix-up)":   func(a url.Values) { a.Set("iss", "https://evil.example") },
		"no issuer where one is said": func(url.Values) { p.discovery["authorization_response_iss_parameter_supported"] = true },
		"another issuer":              claims("iss", "https://evil.example"),
		"no issuer":                   claims("iss", nil),
		"another audience":            claims("aud", "other"),
		"two audiences without azp":   claims("aud", []string{"ingle", "other"}),
		"another authorized party":    claims("azp", "other"),
		"no subject":                  claims("sub", nil),
		"a long subject":              claims("sub", strings.Repeat("s", 256)),
		"another nonce":               claims("nonce", "other"),
		"no nonce":                    claims("nonce", nil),
		"expired":                     claims("exp", now-int64(2*maxSkew/time.Second)),
		"no expiry":                   claims("exp", nil),
		"issued in the future":        claims("iat", now+int64(2*maxSkew/time.Second)),
		"no time of issue":            claims("iat", nil),
		"not valid yet":               claims("nbf", now+int64(2*maxSkew/time.Second)),
		"claims of another form":      claims("exp", "tomorrow"),
		"another key of the same kid": payloads(func(b []byte) string {
			return compact(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: other, KeyID: "k"}}, b)
		}),
		"another kid": payloads(func(b []byte) string {
			return compact(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: other, KeyID: "x"}}, b)
		}),
		"the client secret as key": payloads(func(b []byte) string {
			return compact(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("s", 32))}, b)
		}),
		"no signature": payloads(func(b []byte) string {
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(b) + "."
		}),
		"no token":                     payloads(func([]byte) string { return "" }),
		"no JWT":                       payloads(func([]byte) string { return "a.b.c" }),
		"a key in the header":          payloads(func(b []byte) string { return embedded(t, other, b) }),
		"a JWKS without keys":          func(url.Values) { p.keys = `{"keys":[]}` },
		"a JWKS that is none":          func(url.Values) { p.keys = `<html>` },
		"a JWKS too long":              func(url.Values) { p.keys = `{"keys":[],"x":"` + strings.Repeat("x", fetchBytes) + `"}` },
		"a JWKS with a private key":    func(url.Values) { p.keys = keySet(t, jose.JSONWebKey{Key: p.key, KeyID: "k"}) },
		"a JWKS with a key to encrypt": func(url.Values) { p.keys = keySet(t, jose.JSONWebKey{Key: p.key.Public(), KeyID: "k", Use: "enc"}) },
	} {
		p.bend, p.sign, p.keys = nil, nil, ""
		delete(p.discovery, "authorization_response_iss_parameter_supported")
		cookie, answer := p.begin(t, h, nil)
		bend(answer)
		if name == "no issuer where one is said" {
			cookie, answer = p.begin(t, h, nil)
		}
		from := Origin{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(len(name))})}
		if in, err := h.FinishOutside(h.ctx, cookie, answer, from); !errors.Is(err, ErrOutside) {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
	}
	if all, err := h.Users(h.ctx, "", 10); err != nil || len(all) != 0 {
		t.Errorf("%d users were made, %v", len(all), err)
	}
	p.bend, p.sign, p.keys = nil, nil, ""
	p.discovery["authorization_response_iss_parameter_supported"] = true
	cookie, answer := p.begin(t, h, nil)
	answer.Set("iss", p.URL)
	if _, err := h.FinishOutside(h.ctx, cookie, answer, ward); err != nil {
		t.Errorf("a good one: %v", err)
	}
}
