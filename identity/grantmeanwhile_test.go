package identity

import (
	"errors"
	"testing"

	"github.com/inglehealth/ingle/spec/smart"
)

// endings are what can end a grant.
var endings = map[string]func(h house, g string, c *Client, n *Session) error{
	"its end":    func(h house, g string, _ *Client, _ *Session) error { return h.RevokeGrant(h.ctx, g, "test") },
	"suspension": func(h house, _ string, c *Client, _ *Session) error { return h.SuspendClient(h.ctx, c.ID) },
	"deletion":   func(h house, _ string, c *Client, _ *Session) error { return h.DeleteClient(h.ctx, c.ID) },
	"a sign-out": func(h house, _ string, _ *Client, n *Session) error { return h.EndSession(h.ctx, n.UserID, n.ID) },
	"a new password": func(h house, _ string, _ *Client, n *Session) error {
		return h.SetPassword(h.ctx, n.UserID, password+"!")
	},
	"disabling": func(h house, _ string, _ *Client, n *Session) error {
		u, err := h.User(h.ctx, n.UserID)
		if err != nil {
			return err
		}
		u.Disabled = true
		_, err = h.UpdateUser(h.ctx, *u)
		return err
	},
}

var onlineScopes = smart.Scopes{"openid", "online_access", "patient/*.rs"}

// begun is a grant with its code, in a session of its own.
func begun(t *testing.T, h house) (c *Client, n *Session, code, grant string) {
	t.Helper()
	u := h.user(t, "noor")
	c = h.app(t)
	_, n = h.signIn(t, "noor")
	code = h.authorize(t, c, n, onlineScopes)
	grants, err := h.Grants(h.ctx, u.ID)
	if err != nil || len(grants) != 1 {
		t.Fatal(grants, err)
	}
	return c, n, code, grants[0].ID
}

func TestWhatEndsDuringAnExchangeLeavesNoGoodToken(t *testing.T) {
	for _, name := range []string{"its end", "suspension", "disabling"} {
		end := endings[name]
		t.Run(name, func(t *testing.T) {
			interrupt(t, func(a, b house, come func(func())) {
				c, n, code, grant := begun(t, b)
				came := false
				come(func() {
					came = true
					if err := end(b, grant, c, n); err != nil {
						t.Error(err)
					}
				})
				tokens, err := a.Exchange(a.ctx, c, code, appRedirect, appVerifier, "")
				if err != nil {
					codeOf(t, err)
					return
				}
				ended := came // and not during the checks that follow
				for _, h := range []house{a, b} {
					if _, err := h.CheckToken(h.ctx, tokens.Access); ended && !errors.Is(err, ErrToken) {
						t.Errorf("a token is good after %s: %v", name, err)
					}
				}
			})
		})
	}
}

func TestWhatEndsDuringARefreshLeavesNoGoodToken(t *testing.T) {
	for _, name := range []string{"its end", "suspension", "a sign-out"} {
		end := endings[name]
		t.Run(name, func(t *testing.T) {
			interrupt(t, func(a, b house, come func(func())) {
				c, n, code, grant := begun(t, b)
				first, err := b.Exchange(b.ctx, c, code, appRedirect, appVerifier, "")
				if err != nil {
					t.Fatal(err)
				}
				came := false
				come(func() {
					came = true
					if err := end(b, grant, c, n); err != nil {
						t.Error(err)
					}
				})
				tokens, err := a.Refresh(a.ctx, c, first.Refresh, nil, "")
				if err != nil {
					codeOf(t, err)
					return
				}
				ended := came // and not during the check that follows
				if _, err := a.CheckToken(a.ctx, tokens.Access); ended && !errors.Is(err, ErrToken) {
					t.Errorf("a token is good after %s: %v", name, err)
				}
			})
		})
	}
}

func TestWhatEndsDuringACheckIsSeenByTheNext(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			interrupt(t, func(a, b house, come func(func())) {
				c, n, code, grant := begun(t, b)
				tokens, err := b.Exchange(b.ctx, c, code, appRedirect, appVerifier, "")
				if err != nil {
					t.Fatal(err)
				}
				came := false
				come(func() {
					came = true
					if err := end(b, grant, c, n); err != nil {
						t.Error(err)
					}
				})
				if _, err := a.CheckToken(a.ctx, tokens.Access); err != nil && !errors.Is(err, ErrToken) {
					t.Error(err)
				}
				for range 2 {
					if _, err := a.CheckToken(a.ctx, tokens.Access); came != errors.Is(err, ErrToken) {
						t.Errorf("after %s: %v", name, err)
					}
				}
			})
		})
	}
}

func TestACodeThatIsExchangedDuringItsExchangeIsNotGoodTwice(t *testing.T) {
	interrupt(t, func(a, b house, come func(func())) {
		c, _, code, _ := begun(t, b)
		var other *Tokens
		otherErr := errors.New("it did not come")
		come(func() { other, otherErr = b.Exchange(b.ctx, c, code, appRedirect, appVerifier, "") })
		tokens, err := a.Exchange(a.ctx, c, code, appRedirect, appVerifier, "")
		if otherErr != nil {
			return
		}
		if err == nil {
			t.Fatal("both got tokens")
		}
		if codeOf(t, err) != InvalidGrant || tokens != nil {
			t.Error(err)
		}
		if _, err := a.CheckToken(a.ctx, other.Access); !errors.Is(err, ErrToken) {
			t.Errorf("the code was replayed, and its token is good: %v", err)
		}
	})
}

func TestADatabaseThatFailsIsNotTakenForABadToken(t *testing.T) {
	broken := 0
	for calls := range 40 {
		s := &breaking{Identity: sqliteStore(t), until: -1}
		h := openHouse(t, Config{Store: s})
		c, n, code, _ := begun(t, h)
		tokens, err := h.Exchange(h.ctx, c, code, appRedirect, appVerifier, "")
		if err != nil {
			t.Fatal(err)
		}
		again := h.authorize(t, c, n, onlineScopes)
		went := true
		for name, do := range map[string]func() error{
			"check":      func() error { _, err := h.CheckToken(h.ctx, tokens.Access); return err },
			"introspect": func() error { _, err := h.Introspect(h.ctx, tokens.Refresh); return err },
			"refresh":    func() error { _, err := h.Refresh(h.ctx, c, tokens.Refresh, nil, ""); return err },
			"exchange":   func() error { _, err := h.Exchange(h.ctx, c, again, appRedirect, appVerifier, ""); return err },
			"revoke":     func() error { return h.Revoke(h.ctx, c, tokens.Access) },
			"origin":     func() error { _, err := h.KnownOrigin(h.ctx, "https://app.example"); return err },
			"client":     func() error { _, err := h.AuthenticateClient(h.ctx, ClientProof{ID: c.ID}); return err },
		} {
			s.until, s.broke = calls, false
			err := do()
			s.until = -1
			if s.broke {
				went = false
				broken++
				if !errors.Is(err, errBroken) {
					t.Errorf("%s, when call %d fails: %v", name, calls, err)
				}
			}
		}
		if went {
			break
		}
	}
	if broken < 20 {
		t.Errorf("only %d calls failed", broken)
	}
}
