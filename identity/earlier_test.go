package identity

import (
	"errors"
	"testing"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
)

// allowAgain has a user allow what was allowed before without being asked.
func (h house) allowAgain(t fataler, c *Client, n *Session, earlier *Grant, scopes smart.Scopes) (string, error) {
	t.Helper()
	r := &Request{Client: c.ID, Redirect: appRedirect, Scopes: scopes, Challenge: challengeOf(appVerifier)}
	if _, err := h.StartRequest(h.ctx, r); err != nil {
		t.Fatal(err)
	}
	return h.Authorize(h.ctx, Authorization{Request: r, Session: n, Scopes: scopes, Context: smart.Context{Patient: "p"}, Earlier: earlier})
}

// again exchanges the code of that.
func (h house) again(t *testing.T, c *Client, n *Session, scopes smart.Scopes) *Tokens {
	t.Helper()
	code, err := h.allowAgain(t, c, n, h.knows(t, n, c, true), scopes)
	if err != nil {
		t.Fatal(err)
	}
	return h.exchange(t, c, code)
}

func (h house) exchange(t *testing.T, c *Client, code string) *Tokens {
	t.Helper()
	tokens, err := h.Exchange(h.ctx, c, code, appRedirect, appVerifier, "")
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// knows returns what is remembered, and says whether that is what is expected.
func (h house) knows(t *testing.T, n *Session, c *Client, want bool) *Grant {
	t.Helper()
	g, err := h.Earlier(h.ctx, n, c.ID, "p")
	if err != nil || (g != nil) != want {
		t.Fatalf("remembered: %v, %v; want %v", g, err, want)
	}
	return g
}

func (h house) tokenIs(t *testing.T, token string, want bool) {
	t.Helper()
	if _, err := h.CheckToken(h.ctx, token); (err == nil) != want || err != nil && !errors.Is(err, ErrToken) {
		t.Fatalf("%v; want good %v", err, want)
	}
}

func TestWhatAUserAllowedIsKnownAsLongAsItIsGood(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u := a.user(t, "noor")
		c, other := a.app(t), a.app(t)
		_, here := a.signIn(t, "noor")
		_, there := b.signIn(t, "noor")
		a.knows(t, here, c, false)
		a.authorize(t, c, here, onlineScopes)
		if g := b.knows(t, here, c, true); !g.Allows("openid") || !g.Allows("patient/Patient.r") || g.Allows("patient/*.cruds") || g.Allows("fhirUser") || g.Allows("offline_access") {
			t.Error("it allows something else than what was allowed")
		}
		b.knows(t, there, c, false) // it ends with its session
		b.knows(t, here, other, false)
		if g, err := b.Earlier(b.ctx, here, c.ID, "q"); g != nil || err != nil {
			t.Error("another patient", g, err)
		}
		a.clock.jump(codeFor)
		b.knows(t, here, c, false)
		tokens := a.exchange(t, c, a.authorize(t, c, here, smart.Scopes{"offline_access", "patient/*.rs"}))
		b.knows(t, there, c, true)
		a.clock.jump(2 * time.Hour) // after the access token there is the refresh token
		b.tokenIs(t, tokens.Access, false)
		_, there = b.signIn(t, "noor")
		b.knows(t, there, c, true)
		u, err := a.User(a.ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		u.Roles = []Role{Nurse}
		if _, err := a.UpdateUser(a.ctx, *u); err != nil {
			t.Fatal(err)
		}
		_, there = b.signIn(t, "noor")
		b.knows(t, there, c, false)
	})
}

func TestWhatWasAllowedWithoutAskingEndsWithWhatWasAllowed(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		c := a.app(t)
		_, n := a.signIn(t, "noor")
		a.authorize(t, c, n, onlineScopes)
		asked := a.knows(t, n, c, true)
		var access []string
		for range 2 {
			access = append(access, a.again(t, c, n, smart.Scopes{"online_access", "patient/Patient.rs"}).Access)
			// As long as something came of it, it is known.
			a.clock.jump(50 * time.Minute)
		}
		b.tokenIs(t, access[1], true)
		if err := a.RevokeGrant(a.ctx, asked.ID, "test"); err != nil {
			t.Fatal(err)
		}
		b.tokenIs(t, access[1], false)
		b.knows(t, n, c, false)
	})
}

func TestAfterARevocationTheUserIsAskedAgain(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		c := a.app(t)
		_, n := a.signIn(t, "noor")
		phone := a.exchange(t, c, a.authorize(t, c, n, smart.Scopes{"offline_access", "online_access", "patient/*.rs"}))
		web := b.again(t, c, n, smart.Scopes{"online_access", "patient/*.rs"})
		// The app gives back what it got without asking: the rest of it stays.
		if err := b.Revoke(b.ctx, c, web.Refresh); err != nil {
			t.Fatal(err)
		}
		a.tokenIs(t, web.Access, false)
		a.tokenIs(t, phone.Access, true)
		a.knows(t, n, c, false)
		// Neither does what was allowed earlier speak for what was revoked later.
		a.clock.jump(time.Second)
		a.exchange(t, c, a.authorize(t, c, n, onlineScopes))
		latest := b.knows(t, n, c, true)
		if err := b.RevokeGrant(b.ctx, latest.ID, "test"); err != nil {
			t.Fatal(err)
		}
		a.tokenIs(t, phone.Access, true)
		a.knows(t, n, c, false)
	})
}

func TestWhatIsRevokedMeanwhileIsNotTakenForAllowed(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		c := a.app(t)
		_, n := a.signIn(t, "noor")
		a.authorize(t, c, n, onlineScopes)
		earlier := a.knows(t, n, c, true)
		if err := b.RevokeGrant(b.ctx, earlier.ID, "test"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.allowAgain(t, c, n, earlier, onlineScopes); !errors.Is(err, ErrConflict) {
			t.Errorf("a code of what was revoked: %v", err)
		}
	})
}

func TestWhatWasAllowedForATimeIsNotAllowedForLonger(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	c := h.app(t)
	_, n := h.signIn(t, "noor")
	scopes := smart.Scopes{"offline_access", "patient/*.rs"}
	r := &Request{Client: c.ID, Redirect: appRedirect, Scopes: scopes, Challenge: challengeOf(appVerifier)}
	if _, err := h.StartRequest(h.ctx, r); err != nil {
		t.Fatal(err)
	}
	until := h.clock.now().Add(90 * time.Minute)
	code, err := h.Authorize(h.ctx, Authorization{Request: r, Session: n, Scopes: scopes, Context: smart.Context{Patient: "p"}, Until: until})
	if err != nil {
		t.Fatal(err)
	}
	h.exchange(t, c, code)
	h.clock.jump(time.Hour)
	if tokens := h.again(t, c, n, smart.Scopes{"patient/*.rs"}); !tokens.Expires.Equal(until) {
		t.Errorf("it ends at %v, not at %v", tokens.Expires, until)
	}
	h.clock.jump(30 * time.Minute)
	h.knows(t, n, c, false)
}
