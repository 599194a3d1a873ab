package auth

import (
	"crypto/sha256"
	_ "embed" // the script
	"encoding/hex"
	"net/http"
	"net/url"

	"github.com/inglehealth/ingle/identity"
)

// signInEndpoints are where somebody signs in who comes without an app, and
// passkeys for whoever signs in. They do without a form token, since there is
// nothing yet that one could be bound to: where a form comes from is looked at.
var signInEndpoints = []endpoint{
	{"/account/sign-in", "GET, POST", corsNone, (*call).accountSignIn, failPage},
	{"/auth/passkey/begin", "POST", corsNone, (*call).beginPasskeySignIn, failJSON},
	{"/auth/passkey/finish", "POST", corsNone, (*call).finishPasskeySignIn, failJSON},
	{passkeyScriptPath, "GET", corsNone, (*call).passkeyScript, failJSON},
}

//go:embed page/passkey.js
var passkeyScript string

// passkeyScriptPath changes with what the script is, so that it can be kept.
var passkeyScriptPath = func() string {
	sum := sha256.Sum256([]byte(passkeyScript))
	return "/auth/passkey-" + hex.EncodeToString(sum[:8]) + ".js"
}()

func (c *call) passkeyScript() error {
	h := c.w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = c.w.Write([]byte(passkeyScript)) // the client may be gone
	return nil
}

var signInNotices = map[string]string{
	"factor-removed": "It is removed, and you are signed out everywhere. Sign in again.",
}

// accountSignIn signs somebody in who comes to the account.
func (c *call) accountSignIn() error {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return c.showAccountSignIn(c.local(c.query.Get("next")), "", nil)
	}
	if err := c.server.origins.Check(c.r); err != nil {
		return errForeign()
	}
	form, err := c.form()
	if err != nil {
		return err
	}
	next := c.local(form.Get("next"))
	if form.Get("restart") != "" {
		c.dropCookie(c.cookies.pending, "")
		return c.see(c.url("/account/sign-in") + "?" + url.Values{"next": {next}}.Encode())
	}
	in, recovery, err := c.takeSignIn(form)
	if message := c.explainSignIn(err); message != "" {
		return c.showAccountSignIn(next, form.Get("login"), []problem{{Message: message}})
	}
	if err != nil {
		return err
	}
	return c.signedIn(in, recovery, next)
}

// signedIn makes the session of a sign-in, or asks for what is missing of it.
func (c *call) signedIn(in *identity.SignIn, recovery []string, next string) error {
	if in.Pending != "" {
		c.setCookie(c.cookies.pending, in.Pending, "", identity.RequestFor)
		return c.see(c.url("/account/sign-in") + "?" + url.Values{"next": {next}}.Encode())
	}
	if err := c.startSession(in); err != nil {
		return err
	}
	if len(recovery) > 0 {
		return c.writeCodes(recovery, c.url(next))
	}
	return c.see(c.url(next))
}

func (c *call) showAccountSignIn(next, login string, problems []problem) error {
	return c.writeSignIn(signInPage{
		frame: frame{Action: c.url("/account/sign-in"), Problems: problems, Notice: signInNotices[c.query.Get("done")]},
		Login: login, Onward: c.url(next), Hidden: []Hidden{{"next", next}},
	})
}

// beginPasskeySignIn begins a sign-in with a passkey, alone or as second factor
// of the sign-in that waits in this browser.
func (c *call) beginPasskeySignIn() error {
	if err := c.server.origins.Check(c.r); err != nil {
		return errForeign()
	}
	pending, err := c.pendingToken()
	if err != nil {
		return err
	}
	options, token, err := c.Identity.BeginPasskeySignIn(c.r.Context(), pending)
	if err != nil {
		return c.passkeyFault(err)
	}
	return c.writeJSON(http.StatusOK, ceremony{options, token})
}

// finishPasskeySignIn makes the session of a sign-in with a passkey. What the
// browser does next is its page's to say.
func (c *call) finishPasskeySignIn() error {
	if err := c.server.origins.Check(c.r); err != nil {
		return errForeign()
	}
	form, err := c.form()
	if err != nil {
		return err
	}
	pending, err := c.pendingToken()
	if err != nil {
		return err
	}
	in, err := c.Identity.FinishPasskeySignIn(c.r.Context(), form.Get("ceremony"), pending, []byte(form.Get("answer")), c.from())
	c.signingIn(in, "", err)
	if err != nil {
		return c.passkeyFault(err)
	}
	if err := c.startSession(in); err != nil {
		return err
	}
	return c.writeJSON(http.StatusOK, map[string]string{})
}

// pendingToken is that of the sign-in that waits in this browser; "" for none.
func (c *call) pendingToken() (string, error) {
	in, err := c.pending()
	if err != nil || in == nil {
		return "", err
	}
	return in.Pending, nil
}
