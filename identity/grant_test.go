package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

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

// family is what the model knows of a grant.
type family struct {
	client     *Client
	code       string
	scopes     smart.Scopes
	made       time.Time
	until      time.Time // nothing of it is good from then on
	asked      *family   // when the user allowed it; nil for itself
	forgotten  bool
	used, dead bool
	generation int
	rotated    time.Time
	refresh    []modelRefresh
	access     []modelAccess
}

type modelRefresh struct {
	token      string
	generation int
}

type modelAccess struct {
	token   string
	expires time.Time
	revoked bool
}

var familyScopes = smart.Scopes{"openid", "offline_access", "patient/Patient.rs", "patient/Observation.cruds"}

// ended says whether it was revoked, by itself or with what it comes of.
func (f *family) ended() bool { return f.dead || f.asked != nil && f.asked.dead }

func (f *family) took(t *rapid.T, tokens *Tokens, asked smart.Scopes) {
	for _, s := range tokens.Scopes {
		if !f.scopes.Covered(s) || len(asked) > 0 && !asked.Covered(s) {
			t.Fatalf("the scope %s was never allowed", s)
		}
	}
	f.access = append(f.access, modelAccess{tokens.Access, tokens.Expires, false})
	if tokens.Refresh != "" {
		f.refresh = append(f.refresh, modelRefresh{tokens.Refresh, f.generation})
	}
}

// Whatever is asked in whatever order of two processes: no code is good twice,
// nothing of a grant is good after a replay, no scope widens, and nobody who
// revoked something passes for having allowed it.
func TestTokensBehaveAsTheirModel(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		clients := []*Client{a.app(t), a.app(t)}
		number := 0
		rapid.Check(t, func(rt *rapid.T) {
			number++
			login := "noor-" + strconv.Itoa(number)
			a.user(t, login)
			_, n := a.signIn(t, login)
			var families []*family
			// revoked has the user asked again by the app.
			revoked := func(f *family) {
				if f.dead {
					return
				}
				f.dead = true
				for _, other := range families {
					other.forgotten = other.forgotten || other.client == f.client
				}
			}
			ever := a.clock.now().Add(RefreshFor)
			any := func(t *rapid.T) *family {
				if len(families) == 0 {
					t.Skip("nothing was allowed yet")
				}
				return rapid.SampledFrom(families).Draw(t, "grant")
			}
			process := func(t *rapid.T) house { return rapid.SampledFrom([]house{a, b}).Draw(t, "process") }
			rt.Repeat(map[string]func(*rapid.T){
				"allow": func(t *rapid.T) {
					c := rapid.SampledFrom(clients).Draw(t, "client")
					a.clock.jump(time.Microsecond) // of two the later one counts
					families = append(families, &family{
						client: c, code: process(t).authorize(t, c, n, familyScopes), scopes: familyScopes, made: a.clock.now(), until: a.clock.now().Add(codeFor),
					})
				},
				"allow again": func(t *rapid.T) {
					c := rapid.SampledFrom(clients).Draw(t, "client")
					var want *family
					for _, f := range families {
						if f.client == c && f.asked == nil && !f.dead && !f.forgotten && a.clock.now().Before(f.until) {
							want = f
						}
					}
					g, err := process(t).Earlier(a.ctx, n, c.ID, "p")
					if err != nil || (g != nil) != (want != nil) || g != nil && !g.Created.Equal(want.made) {
						t.Fatalf("remembered is %+v, %v; not %+v", g, err, want)
					}
					if g == nil {
						t.Skip("the user has to be asked")
					}
					scopes := smart.Scopes{"openid", "patient/Patient.r"}
					code, err := process(t).allowAgain(t, c, n, g, scopes)
					if err != nil {
						t.Fatal(err)
					}
					if want.until.Before(n.Expires) {
						want.until = n.Expires
					}
					families = append(families, &family{client: c, code: code, scopes: scopes, made: a.clock.now(), until: n.Expires, asked: want})
				},
				"exchange": func(t *rapid.T) {
					f := any(t)
					c := rapid.SampledFrom(clients).Draw(t, "client")
					verifier := rapid.SampledFrom([]string{appVerifier, appVerifier, "another-verifier-that-is-long-enough-to-be-one-0123"}).Draw(t, "verifier")
					tokens, err := process(t).Exchange(a.ctx, c, f.code, appRedirect, verifier, "")
					good := c == f.client && verifier == appVerifier && !f.used && !f.ended() && a.clock.now().Sub(f.made) < codeFor && a.clock.now().Before(f.until)
					if good != (err == nil) || !good && codeOf(t, err) != InvalidGrant {
						t.Fatalf("good %v, but %v: %+v", good, err, f)
					}
					switch {
					case good:
						f.used = true
						if f.asked == nil {
							f.until = ever
						}
						f.took(t, tokens, nil)
					case c == f.client && f.used:
						revoked(f)
					}
				},
				"refresh": func(t *rapid.T) {
					f := any(t)
					if len(f.refresh) == 0 {
						t.Skip("there is no refresh token")
					}
					r := rapid.SampledFrom(f.refresh).Draw(t, "refresh token")
					c := rapid.SampledFrom(clients).Draw(t, "client")
					scopes := rapid.SampledFrom([]smart.Scopes{nil, {"patient/Patient.rs"}, {"patient/Patient.r", "openid"}, {"patient/*.rs"}, {"patient/Patient.cruds"}}).Draw(t, "scopes")
					wider := slices.ContainsFunc(scopes, func(s string) bool { return !familyScopes.Covered(s) })
					current := r.generation == f.generation
					grace := r.generation == f.generation-1 && a.clock.now().Sub(f.rotated) < graceFor
					tokens, err := process(t).Refresh(a.ctx, c, r.token, scopes, "")
					got := codeOf(t, err)
					want := Code("")
					switch {
					case c != f.client || f.dead:
						want = InvalidGrant
					case !current && !grace:
						want = InvalidGrant
						revoked(f)
					case wider:
						want = InvalidScope
					case current:
						f.generation, f.rotated = f.generation+1, a.clock.now()
						fallthrough
					default:
						if err == nil {
							f.took(t, tokens, scopes)
						}
					}
					if got != want {
						t.Fatalf("%q, not %q: %v", got, want, err)
					}
				},
				"revoke a token": func(t *rapid.T) {
					f := any(t)
					if len(f.access) == 0 {
						t.Skip("there is no token")
					}
					x := &f.access[rapid.IntRange(0, len(f.access)-1).Draw(t, "token")]
					if err := process(t).Revoke(a.ctx, f.client, x.token); err != nil {
						t.Fatal(err)
					}
					x.revoked = true
				},
				"revoke a grant": func(t *rapid.T) {
					f := any(t)
					if len(f.refresh) == 0 {
						t.Skip("there is no refresh token")
					}
					if err := process(t).Revoke(a.ctx, f.client, f.refresh[0].token); err != nil {
						t.Fatal(err)
					}
					revoked(f)
				},
				"time passes": func(t *rapid.T) {
					a.clock.jump(time.Duration(rapid.SampledFrom([]int{1, 5, 11, 61, 1800}).Draw(t, "seconds")) * time.Second)
				},
				"": func(t *rapid.T) {
					for _, f := range families {
						for _, x := range f.access {
							good := !f.ended() && !x.revoked && a.clock.now().Before(x.expires) && a.clock.now().Before(f.until)
							for _, h := range []house{a, b} {
								access, err := h.CheckToken(a.ctx, x.token)
								if good != (err == nil) || err != nil && !errors.Is(err, ErrToken) {
									t.Fatalf("good %v, but %v", good, err)
								}
								if err == nil && access.Context.Patient != "p" {
									t.Fatalf("patient %q", access.Context.Patient)
								}
							}
						}
					}
				},
			})
		})
	})
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
