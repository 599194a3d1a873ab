package auth

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/identity"
)

func (c *call) from() identity.Origin {
	return identity.Origin{Address: c.address(), Device: c.r.UserAgent(), Known: c.cookie(c.cookies.known)}
}

func (p *progress) dueSignIn() (bool, error) {
	if p.session == nil {
		return true, nil
	}
	if u := p.request.User; u == "" || u == p.session.UserID {
		return false, nil
	}
	if p.request.Launch != "" {
		return false, identity.Refuse(identity.AccessDenied, "the app was launched for another user than the one who is signed in here")
	}
	return false, identity.Refuse(identity.LoginRequired, "another user is signed in here than the app names (id_token_hint, sub in claims); with prompt=login anybody can sign in anew")
}

// showSignIn asks for login and password, or for what is still missing of a
// sign-in.
func (p *progress) showSignIn(message string) error {
	form := p.formData("sign-in", message)
	page := signInPage{
		frame: frame{Action: form.Action, targets: []string{formTarget(p.request.Redirect)}}, App: form.App, Login: p.request.LoginHint, Onward: form.Action,
		Hidden: []Hidden{{"token", form.Token}, {"step", form.Step}, {"session", form.Session}},
	}
	if message != "" {
		page.Problems = []problem{{Message: message}}
	}
	return p.writeSignIn(page)
}

// signInPage asks for what is still missing of a sign-in.
type signInPage struct {
	frame
	App    string // to which it leads, and which may be told no; "" for none
	Hidden []Hidden
	Login  string
	Step   string // password, code, passkey or enrol
	Name   string
	// Passkey is the word on the button; "" for none. Its script begins, finishes
	// and goes on at these addresses.
	Passkey, Begin, Finish, Onward string
	Outside                        []outsideLink // other ways to sign in
	Sandbox                        []sandboxUser
	// Of the step enrol.
	Secret string
	Image  template.URL
}

// writeSignIn completes the page with what the sign-in that waits in this browser
// needs, and answers with it.
func (c *call) writeSignIn(page signInPage) error {
	page.Title, page.Step, page.passkeys = "Sign in", "password", c.Identity.HasPasskeys()
	page.Begin, page.Finish = c.url("/auth/passkey/begin"), c.url("/auth/passkey/finish")
	in, err := c.pending()
	switch {
	case err != nil:
		return err
	case in == nil:
		if page.passkeys {
			page.Passkey = "Sign in with a passkey"
		}
		if page.Sandbox, err = c.sandboxUsers(); err != nil {
			return err
		}
		if page.Outside, err = c.outsideLinks(strings.TrimPrefix(page.Onward, c.Identity.Issuer())); err != nil {
			return err
		}
	case slices.Contains(in.Factors, identity.FactorEnrol):
		key, err := c.Identity.EnrolTOTP(c.r.Context(), in.Pending)
		if err != nil {
			return err
		}
		page.Title, page.Step, page.Secret, page.Image = "Set up a second factor", "enrol", key.Secret, imageURL(key.PNG)
	default:
		page.Title, page.Step, page.Name = "Second factor", "code", cmp.Or(in.User.Name, in.User.Login)
		if page.passkeys && slices.Contains(in.Factors, identity.FactorPasskey) {
			page.Passkey = "Use a passkey"
		}
		if !slices.Contains(in.Factors, identity.FactorCode) {
			page.Step = "passkey"
		}
	}
	// What was wrong belongs to the field that is there.
	for i := range page.Problems {
		page.Problems[i].Field = map[string]string{"password": "login", "code": "code", "enrol": "code"}[page.Step]
	}
	return c.writeFrame(c.statusOfSignIn(page.Problems), page.frame, signInTemplate, page)
}

// pending is the sign-in that waits for a second factor; nil for none.
func (c *call) pending() (*identity.SignIn, error) {
	token := c.cookie(c.cookies.pending)
	if token == "" {
		return nil, nil
	}
	in, err := c.Identity.PendingSignIn(c.r.Context(), token)
	if errors.Is(err, identity.ErrPending) {
		return nil, nil
	}
	return in, err
}

// takeSignIn takes what a form says of login and password, or of what is still
// missing of a sign-in. recovery are the codes of a second factor just set up.
func (c *call) takeSignIn(form url.Values) (in *identity.SignIn, recovery []string, err error) {
	if in, err = c.pending(); err != nil {
		return nil, nil, err
	}
	if in != nil {
		c.by(in.User)
	}
	ctx := c.r.Context()
	switch code := form.Get("code"); {
	case in == nil && form.Get("as") != "":
		in, err = c.Identity.SignInSandbox(ctx, form.Get("as"))
	case in == nil:
		in, err = c.Identity.SignIn(ctx, form.Get("login"), form.Get("password"), c.from())
	case slices.Contains(in.Factors, identity.FactorEnrol):
		in, recovery, err = c.Identity.EnrolledTOTP(ctx, in.Pending, code, c.from())
	default:
		in, err = c.Identity.SecondFactor(ctx, in.Pending, code, c.from())
	}
	c.signingIn(in, form.Get("login"), err)
	return in, recovery, err
}

// startSession makes the session of a complete sign-in, from which on the browser
// is known.
func (c *call) startSession(in *identity.SignIn) error {
	cookie, _, err := c.Identity.NewSession(c.r.Context(), in, c.from())
	if err != nil {
		return err
	}
	c.dropCookie(c.cookies.pending, "")
	c.setCookie(c.cookies.session, cookie, "", 0)
	known, err := c.Identity.Remember(c.cookie(c.cookies.known), in.User)
	if err != nil {
		return err
	}
	c.setCookie(c.cookies.known, known, "", identity.KnownFor)
	return nil
}

func (p *progress) actSignIn() error {
	if p.form.Get("restart") != "" {
		p.dropCookie(p.cookies.pending, "")
		return p.again()
	}
	in, recovery, err := p.takeSignIn(p.form)
	if err != nil {
		if message := p.explainSignIn(err); message != "" {
			return p.showSignIn(message)
		}
		return err
	}
	if in.Pending != "" {
		p.setCookie(p.cookies.pending, in.Pending, "", identity.RequestFor)
		return p.again()
	}
	if err := p.startSession(in); err != nil {
		return err
	}
	if len(recovery) > 0 {
		return p.writeCodes(recovery, p.address())
	}
	return p.again()
}

// statusOfSignIn is the status of a form that signs in, which may have to wait.
func (c *call) statusOfSignIn(all []problem) int {
	if c.w.Header().Get("Retry-After") != "" {
		return http.StatusTooManyRequests
	}
	return statusOfProblems(all)
}

// explainSignIn says what the user can do about an error, and for programs how
// long to wait (RFC 6585 §4); "" when that is nothing.
func (c *call) explainSignIn(err error) string {
	if wait, ok := errors.AsType[*identity.WaitError](err); ok {
		c.retryAfter(wait.Until.Sub(c.now))
		return "Too many sign-ins failed. Try again in " + minutes(wait.Until.Sub(c.now)) + "."
	}
	switch {
	case errors.Is(err, identity.ErrCredentials):
		return "Name and password do not belong together."
	case errors.Is(err, identity.ErrCode):
		return "The code is wrong, too old or was used before. Wait for the next one."
	case errors.Is(err, identity.ErrDisabled):
		return "This account is disabled. Ask an administrator."
	case errors.Is(err, identity.ErrPending):
		return "That took too long. Sign in again."
	case errors.Is(err, identity.ErrBusy):
		return "Many people are signing in just now. Try again in a moment."
	}
	return ""
}

func minutes(d time.Duration) string {
	if d <= time.Minute {
		return "a minute"
	}
	return strconv.Itoa(int((d+time.Minute-1)/time.Minute)) + " minutes"
}
