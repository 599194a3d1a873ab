package auth

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/inglehealth/ingle/identity"
)

func (c *call) from() identity.Origin {
	return identity.Origin{Address: c.address(), Device: c.r.UserAgent()}
}

func (p *progress) dueSignIn() (bool, error) {
	if p.session == nil {
		return true, nil
	}
	if u := p.request.User; u != "" && u != p.session.UserID {
		return false, identity.Refuse(identity.AccessDenied, "the app was launched for another user than the one who is signed in here")
	}
	return false, nil
}

// showSignIn asks for login and password, or for what is still missing of a
// sign-in.
func (p *progress) showSignIn(message string) error {
	page := SignInPage{Form: p.formData("sign-in", message), Login: p.request.LoginHint}
	in, err := p.pending()
	if err != nil {
		return err
	}
	status := statusOf(message)
	switch {
	case in == nil:
		return p.writeForm(status, "Sign in", signInTemplate, page)
	case slices.Contains(in.Factors, identity.FactorEnrol):
		key, err := p.Identity.EnrolTOTP(p.r.Context(), in.Pending)
		if err != nil {
			return err
		}
		return p.writeForm(status, "Set up a second factor", enrolTemplate, EnrolPage{Form: page.Form, Secret: key.Secret, Address: key.URL})
	}
	return p.writeForm(status, "Second factor", codeTemplate, CodePage{Form: page.Form, Name: in.User.Name})
}

// pending is the sign-in that waits for a second factor; nil for none.
func (p *progress) pending() (*identity.SignIn, error) {
	token := p.call.cookie(p.cookies.pending)
	if token == "" {
		return nil, nil
	}
	in, err := p.Identity.PendingSignIn(p.r.Context(), token)
	if errors.Is(err, identity.ErrPending) {
		return nil, nil
	}
	return in, err
}

func (p *progress) actSignIn() error {
	if p.form.Get("restart") != "" {
		p.dropCookie(p.cookies.pending, "")
		return p.again()
	}
	in, err := p.pending()
	if err != nil {
		return err
	}
	var recovery []string
	ctx := p.r.Context()
	switch code := p.form.Get("code"); {
	case in == nil:
		in, err = p.Identity.SignIn(ctx, p.form.Get("login"), p.form.Get("password"), p.from())
	case slices.Contains(in.Factors, identity.FactorEnrol):
		in, recovery, err = p.Identity.EnrolledTOTP(ctx, in.Pending, code, p.from())
	default:
		in, err = p.Identity.SecondFactor(ctx, in.Pending, code, p.from())
	}
	if err != nil {
		if message := p.explainSignIn(err); message != "" {
			return p.showSignIn(message)
		}
		return err
	}
	if in.Pending != "" {
		p.setCookie(p.cookies.pending, in.Pending, "", requestLife)
		return p.again()
	}
	cookie, _, err := p.Identity.NewSession(ctx, in, p.from())
	if err != nil {
		return err
	}
	p.dropCookie(p.cookies.pending, "")
	p.setCookie(p.cookies.session, cookie, "", 0)
	if len(recovery) > 0 {
		return p.writeForm(http.StatusOK, "Recovery codes", recoveryTemplate, RecoveryPage{Codes: recovery, Next: p.address()})
	}
	return p.again()
}

// explainSignIn says what the user can do about an error; "" when that is
// nothing.
func (p *progress) explainSignIn(err error) string {
	if wait, ok := errors.AsType[*identity.WaitError](err); ok {
		return "Too many sign-ins failed. Try again in " + minutes(wait.Until.Sub(p.now)) + "."
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
	return (d + time.Minute - 1).Truncate(time.Minute).String()
}
