package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
)

const appRedirect = "https://app.example/back"

func (h house) app(t testing.TB, change ...func(*Client)) *Client {
	t.Helper()
	c := &Client{
		Name: "App", Auth: AuthNone, Redirects: []string{appRedirect}, Approved: true,
		Scopes: smart.Scopes{"openid", "offline_access", "online_access", "launch", "patient/*.cruds"},
	}
	for _, f := range change {
		f(c)
	}
	if _, err := h.CreateClient(h.ctx, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

const appVerifier = "a-verifier-that-is-long-enough-to-be-one-0123456789"

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// authorize has a user allow scopes.
func (h house) authorize(t fataler, c *Client, n *Session, scopes smart.Scopes) string {
	t.Helper()
	r := &Request{Client: c.ID, Redirect: appRedirect, Scopes: scopes, Challenge: challengeOf(appVerifier)}
	if _, err := h.StartRequest(h.ctx, r); err != nil {
		t.Fatal(err)
	}
	code, err := h.Authorize(h.ctx, Authorization{Request: r, Session: n, Scopes: scopes, Context: smart.Context{Patient: "p"}})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// codeOf is the code of a *Refused, "" for no error.
func codeOf(t fataler, err error) Code {
	t.Helper()
	if err == nil {
		return ""
	}
	r, ok := errors.AsType[*Refused](err)
	if !ok {
		t.Fatalf("not refused, but: %v", err)
	}
	return r.Code
}

func TestOfManyWhoExchangeACodeAtOnceAtMostOneGetsTokens(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		c := a.app(t)
		_, n := a.signIn(t, "noor")
		for range 5 {
			code := a.authorize(t, c, n, familyScopes)
			var wait sync.WaitGroup
			var mu sync.Mutex
			var got []*Tokens
			for i := range 8 {
				h := []house{a, b}[i%2]
				wait.Go(func() {
					tokens, err := h.Exchange(h.ctx, c, code, appRedirect, appVerifier, "")
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						got = append(got, tokens)
					} else if _, ok := errors.AsType[*Refused](err); !ok {
						t.Error(err)
					}
				})
			}
			wait.Wait()
			if len(got) > 1 {
				t.Fatalf("%d got tokens", len(got))
			}
			for _, tokens := range got {
				if _, err := b.CheckToken(b.ctx, tokens.Access); !errors.Is(err, ErrToken) {
					t.Errorf("the code was replayed, and its token is good: %v", err)
				}
			}
		}
	})
}

func TestARetryAtOnceOfARefreshIsNoReplay(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		c := a.app(t)
		_, n := a.signIn(t, "noor")
		first, err := a.Exchange(a.ctx, c, a.authorize(t, c, n, familyScopes), appRedirect, appVerifier, "")
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		var mu sync.Mutex
		var got []*Tokens
		for i := range 4 {
			h := []house{a, b}[i%2]
			wait.Go(func() {
				tokens, err := h.Refresh(h.ctx, c, first.Refresh, nil, "")
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				got = append(got, tokens)
			})
		}
		wait.Wait()
		if t.Failed() {
			return
		}
		a.clock.jump(graceFor)
		if _, err := a.Refresh(a.ctx, c, got[0].Refresh, nil, ""); err != nil {
			t.Fatal(err)
		}
		a.clock.jump(graceFor)
		if _, err := b.Refresh(b.ctx, c, got[1].Refresh, nil, ""); codeOf(t, err) != InvalidGrant {
			t.Errorf("the twin of a token that was used is good: %v", err)
		}
		if _, err := b.CheckToken(b.ctx, got[0].Access); !errors.Is(err, ErrToken) {
			t.Errorf("what came of it is good: %v", err)
		}
	})
}

func TestARefreshTokenOfBeforeTheLastEndsTheGrantAtOnce(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	c := h.app(t)
	_, n := h.signIn(t, "noor")
	first, err := h.Exchange(h.ctx, c, h.authorize(t, c, n, familyScopes), appRedirect, appVerifier, "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.Refresh(h.ctx, c, first.Refresh, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	third, err := h.Refresh(h.ctx, c, second.Refresh, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Refresh(h.ctx, c, first.Refresh, nil, ""); codeOf(t, err) != InvalidGrant {
		t.Errorf("no retry, but: %v", err)
	}
	if _, err := h.CheckToken(h.ctx, third.Access); !errors.Is(err, ErrToken) {
		t.Errorf("what came of it is good: %v", err)
	}
}

func TestARequestIsAnsweredOnce(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		c := a.app(t)
		_, n := a.signIn(t, "noor")
		r := &Request{Client: c.ID, Redirect: appRedirect, Scopes: familyScopes}
		cookie, err := a.StartRequest(a.ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.ReadRequest(b.ctx, r.ID, cookie+"x"); !errors.Is(err, ErrRequest) {
			t.Errorf("another browser: %v", err)
		}
		other, err := b.ReadRequest(b.ctx, r.ID, cookie)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Authorize(a.ctx, Authorization{Request: r, Session: n, Scopes: familyScopes}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Authorize(b.ctx, Authorization{Request: other, Session: n, Scopes: familyScopes}); !errors.Is(err, ErrAnswered) {
			t.Errorf("a second answer: %v", err)
		}
		if err := b.DenyRequest(b.ctx, other); !errors.Is(err, ErrAnswered) {
			t.Errorf("a second answer: %v", err)
		}
	})
}

func TestALaunchIsTakenOnce(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u := a.user(t, "noor")
		c := a.app(t)
		_, n := a.signIn(t, "noor")
		handle, err := a.RegisterLaunch(a.ctx, Launch{Client: c.ID, User: u.ID, Context: smart.Context{Patient: "p"}})
		if err != nil {
			t.Fatal(err)
		}
		answer := func(h house) error {
			r := &Request{Client: c.ID, Redirect: appRedirect, Scopes: familyScopes, Launch: handle}
			if _, err := h.StartRequest(h.ctx, r); err != nil {
				t.Fatal(err)
			}
			_, err := h.Authorize(h.ctx, Authorization{Request: r, Session: n, Scopes: familyScopes})
			return err
		}
		if l, err := b.Launch(b.ctx, handle, c.ID); err != nil || l.User != u.ID || l.Context.Patient != "p" {
			t.Fatal(l, err)
		}
		if err := answer(a); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Launch(b.ctx, handle, c.ID); !errors.Is(err, ErrLaunch) {
			t.Errorf("used: %v", err)
		}
		if err := answer(b); !errors.Is(err, ErrAnswered) {
			t.Errorf("used twice: %v", err)
		}
	})
}

func TestTheEndOfAClientIsSeenByTheOtherProcess(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		_, n := a.signIn(t, "noor")
		for name, end := range map[string]func(*Client) error{
			"suspended": func(c *Client) error { return a.SuspendClient(a.ctx, c.ID) },
			"deleted":   func(c *Client) error { return a.DeleteClient(a.ctx, c.ID) },
		} {
			c := a.app(t)
			tokens, err := a.Exchange(a.ctx, c, a.authorize(t, c, n, familyScopes), appRedirect, appVerifier, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.CheckToken(b.ctx, tokens.Access); err != nil {
				t.Fatal(err)
			}
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			if _, err := b.CheckToken(b.ctx, tokens.Access); !errors.Is(err, ErrToken) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestAClockThatWentBackMakesNothingGoodForLonger(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	c := h.app(t)
	_, n := h.signIn(t, "noor")
	before, err := h.Exchange(h.ctx, c, h.authorize(t, c, n, familyScopes), appRedirect, appVerifier, "")
	if err != nil {
		t.Fatal(err)
	}
	h.clock.jump(24 * time.Hour)
	_, n = h.signIn(t, "noor")
	code := h.authorize(t, c, n, familyScopes)
	ahead, err := h.Exchange(h.ctx, c, h.authorize(t, c, n, familyScopes), appRedirect, appVerifier, "")
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := h.Refresh(h.ctx, c, before.Refresh, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.CheckToken(h.ctx, ahead.Access); err != nil {
		t.Fatal(err)
	}
	h.clock.jump(-24 * time.Hour)
	for _, tokens := range []*Tokens{ahead, renewed} {
		if _, err := h.CheckToken(h.ctx, tokens.Access); !errors.Is(err, ErrToken) {
			t.Errorf("an access token of tomorrow is good: %v", err)
		}
		if _, err := h.Introspect(h.ctx, tokens.Refresh); !errors.Is(err, ErrToken) {
			t.Errorf("a refresh token of tomorrow is good: %v", err)
		}
		if _, err := h.Refresh(h.ctx, c, tokens.Refresh, nil, ""); codeOf(t, err) != InvalidGrant {
			t.Errorf("a refresh token of tomorrow is good: %v", err)
		}
	}
	if _, err := h.Exchange(h.ctx, c, code, appRedirect, appVerifier, ""); codeOf(t, err) != InvalidGrant {
		t.Errorf("a code of tomorrow is good: %v", err)
	}
	// The user goes on from here.
	_, n = h.signIn(t, "noor")
	if _, err := h.Exchange(h.ctx, c, h.authorize(t, c, n, familyScopes), appRedirect, appVerifier, ""); err != nil {
		t.Error(err)
	}
}
