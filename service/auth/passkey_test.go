package auth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/passkeytest"
	"github.com/inglehealth/ingle/service/auth"
)

// passkeys is a place at an address for which browsers have passkeys, and one of Noor.
func passkeys(t *testing.T) (*place, *passkeytest.Authenticator) {
	t.Helper()
	p := household(t, func(ic *identity.Config, _ *auth.Config) {
		ic.Issuer = strings.Replace(ic.Issuer, "127.0.0.1", "localhost", 1)
	})
	p.url = strings.Replace(p.url, "127.0.0.1", "localhost", 1)
	key := passkeytest.New(t, p.url)
	g := p.visit("noor", "/account/security")
	options, token := g.to("/account/passkeys/begin").ceremony()
	g.to("/account/passkeys/finish", "ceremony", token, "name", "phone", "answer", string(key.Create(t, options))).want(200)
	return p, key
}

// ceremony is what a page hands to the browser.
func (a answer) ceremony() (options json.RawMessage, token string) {
	a.t.Helper()
	var c struct {
		Options json.RawMessage
		Token   string
	}
	if err := json.Unmarshal([]byte(a.want(200).body), &c); err != nil {
		a.t.Fatal(err)
	}
	return c.Options, c.Token
}

func (b browser) beginPasskey() (options json.RawMessage, token string) {
	b.t.Helper()
	return b.do(b.http, "POST", b.url+"/auth/passkey/begin", url.Values{}).ceremony()
}

func (b browser) finishPasskey(token string, given []byte) answer {
	b.t.Helper()
	return b.do(b.http, "POST", b.url+"/auth/passkey/finish", url.Values{"ceremony": {token}, "answer": {string(given)}})
}

// account asks for the page of whoever is signed in.
func (b browser) account() answer {
	b.t.Helper()
	return b.do(b.http, "GET", b.url+"/account", nil)
}

func TestAPasskeySignsInAloneIfItsDeviceKnowsItsUser(t *testing.T) {
	p, key := passkeys(t)
	b := p.browser()
	key.Verified = false
	options, token := b.beginPasskey()
	b.finishPasskey(token, key.Get(t, options)).want(400).has("The passkey was not accepted")
	b.account().want(http.StatusSeeOther)
	key.Verified = true
	options, token = b.beginPasskey()
	given := key.Get(t, options)
	b.finishPasskey(token, given).want(200)
	b.account().want(200).has("User noor")
	p.browser().finishPasskey(token, given).want(400)
}

func TestAPasskeyIsTheSecondFactorOfTheSignInThatWaits(t *testing.T) {
	p, key := passkeys(t)
	if err := p.identity.SetPolicy(t.Context(), identity.Policy{SecondFactor: []identity.Role{identity.Practitioner, identity.Patient}}); err != nil {
		t.Fatal(err)
	}
	// waiting is a browser in which a password was accepted.
	waiting := func(login, has string) browser {
		g := p.visit(login, "/account")
		g.want(200).has(has)
		return g.b
	}
	b := p.browser()
	alone, token := b.beginPasskey()
	// What was begun alone is not the second factor of anybody, nor what was begun of another sign-in.
	b = waiting("noor", "Use a passkey")
	b.finishPasskey(token, key.Get(t, alone)).want(400).has("not accepted")
	options, token := waiting("noor", "Use a passkey").beginPasskey()
	b.finishPasskey(token, key.Get(t, options)).want(400).has("not accepted")
	b.account().want(http.StatusSeeOther)
	// Who has none needs another factor.
	other := waiting("ann", "Set up a second factor")
	other.do(other.http, "POST", p.url+"/auth/passkey/begin", url.Values{}).want(400).has("not accepted")

	options, token = b.beginPasskey()
	key.Verified = false // the password is the other factor
	b.finishPasskey(token, key.Get(t, options)).want(200)
	b.account().want(200).has("User noor")
}

func TestAPasskeyOfADisabledUserSignsNobodyIn(t *testing.T) {
	p, key := passkeys(t)
	b := p.browser()
	options, token := b.beginPasskey()
	u, err := p.identity.UserByLogin(t.Context(), "noor")
	if err != nil {
		t.Fatal(err)
	}
	u.Disabled = true
	if _, err := p.identity.UpdateUser(t.Context(), *u); err != nil {
		t.Fatal(err)
	}
	b.finishPasskey(token, key.Get(t, options)).want(403).has("disabled")
	b.account().want(http.StatusSeeOther)
}

func TestPasskeysThatFailTooOftenHaveToWait(t *testing.T) {
	p, _ := passkeys(t)
	b := p.browser()
	for range 200 {
		_, token := b.beginPasskey()
		a := b.finishPasskey(token, []byte("{}"))
		if a.status == 400 {
			continue
		}
		a.want(429).has("Too many sign-ins failed. Try again in")
		if a.header.Get("Retry-After") == "" {
			t.Error("nobody says how long")
		}
		return
	}
	t.Error("there is no end")
}
