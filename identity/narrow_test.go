package identity

import (
	"errors"
	"slices"
	"testing"

	"github.com/inglehealth/ingle/spec/smart"
)

func TestWhatIsNarrowedIsNarrowForTokensOfBeforeAndAfter(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		c := a.app(t)
		_, n := a.signIn(t, "noor")
		all := smart.Scopes{"openid", "offline_access", "patient/*.rs"}
		tokens, err := a.Exchange(a.ctx, c, a.authorize(t, c, n, all), appRedirect, appVerifier, "")
		if err != nil {
			t.Fatal(err)
		}
		before, err := b.CheckToken(b.ctx, tokens.Access)
		if err != nil || !before.Scopes.Covered("patient/Observation.rs") {
			t.Fatal(before, err)
		}
		left := smart.Scopes{"openid", "offline_access", "patient/Condition.rs"}
		if err := a.NarrowGrant(a.ctx, before.Grant, left); err != nil {
			t.Fatal(err)
		}
		after, err := b.CheckToken(b.ctx, tokens.Access)
		if err != nil || !slices.Equal(after.Scopes, left) {
			t.Errorf("the token of before has %v: %v", after.Scopes, err)
		}
		fresh, err := b.Refresh(b.ctx, c, tokens.Refresh, nil, "")
		if err != nil || !slices.Equal(fresh.Scopes, left) {
			t.Fatalf("a new token has %v: %v", fresh, err)
		}
		if _, err := a.Refresh(a.ctx, c, fresh.Refresh, smart.Scopes{"patient/Observation.rs"}, ""); codeOf(t, err) != InvalidScope {
			t.Errorf("what was taken away is given again: %v", err)
		}
		// What is narrow does not become wide again.
		if err := a.NarrowGrant(a.ctx, before.Grant, all); err != nil {
			t.Fatal(err)
		}
		if g, err := b.Grant(b.ctx, before.Grant); err != nil || !slices.Equal(g.Scopes, left) {
			t.Errorf("%v: %v", g.Scopes, err)
		}
		if err := a.RevokeGrant(a.ctx, before.Grant, "ended"); err != nil {
			t.Fatal(err)
		}
		if err := a.NarrowGrant(a.ctx, before.Grant, left); !errors.Is(err, ErrNoGrant) {
			t.Errorf("what has ended is narrowed: %v", err)
		}
	})
}

func TestWhatCameOfAGrantWithoutAskingIsNarrowedWithIt(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		c := a.app(t)
		_, n := a.signIn(t, "noor")
		scopes := smart.Scopes{"patient/Observation.rs", "patient/Condition.rs"}
		a.authorize(t, c, n, scopes)
		asked, err := a.Earlier(a.ctx, n, c.ID, "p")
		if err != nil || asked == nil {
			t.Fatal(asked, err)
		}
		r := &Request{Client: c.ID, Redirect: appRedirect, Scopes: scopes, Challenge: challengeOf(appVerifier)}
		if _, err := a.StartRequest(a.ctx, r); err != nil {
			t.Fatal(err)
		}
		code, err := a.Authorize(a.ctx, Authorization{Request: r, Session: n, Scopes: scopes, Context: smart.Context{Patient: "p"}, Earlier: asked})
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := a.Exchange(a.ctx, c, code, appRedirect, appVerifier, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := a.NarrowGrant(a.ctx, asked.ID, scopes[:1]); err != nil {
			t.Fatal(err)
		}
		if got, err := b.CheckToken(b.ctx, tokens.Access); err != nil || !slices.Equal(got.Scopes, scopes[:1]) {
			t.Errorf("%v: %v", got, err)
		}
		if asked, err = b.Earlier(b.ctx, n, c.ID, "p"); err != nil || asked.Allows("patient/Condition.rs") {
			t.Errorf("the user is taken to allow what was taken away: %v %v", asked, err)
		}
	})
}
