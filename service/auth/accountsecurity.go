package auth

import (
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fault"
)

// securityPage is how the user signs in.
type securityPage struct {
	frame
	identity.Credentials
	Login       string
	MinPassword int
	CanPasskeys bool
	Required    bool // a second factor
	Outside     []outsideLink
	Accounts    []identity.OutsideAccount
}

func (v *visit) security() error { return v.showSecurity(nil) }

func (v *visit) showSecurity(problems []problem) error {
	ctx := v.r.Context()
	has, err := v.Identity.Credentials(ctx, v.session.UserID)
	if err != nil {
		return err
	}
	rules, err := v.Identity.Policy(ctx)
	if err != nil {
		return err
	}
	page := securityPage{
		frame: v.frame("How you sign in", "/account/security"), Credentials: has, Login: v.session.User.Login,
		MinPassword: identity.MinPassword, CanPasskeys: v.Identity.HasPasskeys(), Required: hasAny(v.session.User, rules.SecondFactor),
	}
	if page.Outside, err = v.outsideLinks("/account/security"); err != nil {
		return err
	}
	if page.Accounts, err = v.Identity.OutsideAccounts(ctx, v.session.UserID); err != nil {
		return err
	}
	page.Problems, page.passkeys = problems, page.CanPasskeys
	return v.writeFrame(v.statusOfSignIn(problems), page.frame, securityTemplate, page)
}

// password changes the user's password, who proves to know the old one.
func (v *visit) password() error {
	fresh := v.form.Get("password")
	if fresh != v.form.Get("repeated") {
		return v.showSecurity([]problem{{Field: "repeated", Message: "The two new passwords differ."}})
	}
	cookie, _, err := v.Identity.ChangePassword(v.r.Context(), v.session, v.form.Get("old"), fresh, v.from())
	if errors.Is(err, identity.ErrCredentials) {
		return v.showSecurity([]problem{{Field: "old", Message: "This is not your present password."}})
	}
	if message := v.explainSignIn(err); message != "" {
		return v.showSecurity([]problem{{Field: "old", Message: message}})
	}
	if list := problems(err); list != nil {
		return v.showSecurity(list)
	}
	if err != nil {
		return err
	}
	v.setCookie(v.cookies.session, cookie, "", 0)
	return v.done("/account/security", "password")
}

// totpPage shows the key of an authenticator app, and asks for a first code.
type totpPage struct {
	frame
	Secret string
	Image  template.URL // PNG of the QR code; "" when the key was shown before
}

// codesPage shows recovery codes, once.
type codesPage struct {
	frame
	Codes []string
	Next  string
}

// freshFor is how old a sign-in may be by which one changes how one signs in.
const freshFor = 15 * time.Minute

// fresh refuses what would let whoever found a browser signed in come back without
// it, or keep its user out.
func (v *visit) fresh() error {
	if v.now.Sub(v.session.Created) < freshFor {
		return nil
	}
	return fault.New(fault.Forbidden, fault.CodeLogin, "", "You signed in a while ago. To change how you sign in, sign in again at %s first; nothing was changed.", v.url("/account/sign-in"))
}

// totp sets an authenticator app up, replaces the recovery codes, or removes both.
func (v *visit) totp() error {
	if err := v.fresh(); err != nil {
		return err
	}
	ctx, user := v.r.Context(), v.session.UserID
	switch v.form.Get("do") {
	case "begin":
		key, err := v.Identity.BeginTOTP(ctx, user)
		if err != nil {
			return err
		}
		return v.showTOTP(key, nil)
	case "confirm":
		codes, err := v.Identity.ConfirmTOTP(ctx, user, v.form.Get("code"))
		if errors.Is(err, identity.ErrCode) {
			return v.showTOTP(nil, []problem{{Field: "code", Message: "The code is wrong or too old. Type the one that the app shows now."}})
		}
		if err != nil {
			return err
		}
		return v.showCodes(codes)
	case "codes":
		codes, err := v.Identity.NewRecoveryCodes(ctx, user)
		if errors.Is(err, identity.ErrNotFound) {
			return v.showSecurity([]problem{{Message: "There is no authenticator app that recovery codes could replace."}})
		}
		if err != nil {
			return err
		}
		return v.showCodes(codes)
	case "remove":
		if err := v.Identity.RemoveTOTP(ctx, user); err != nil {
			return err
		}
		v.dropCookie(v.cookies.session, "")
		return v.see(v.url("/account/sign-in") + "?done=factor-removed")
	}
	return identity.Refuse(identity.InvalidRequest, "do is begin, confirm, codes or remove")
}

func (v *visit) showTOTP(key *identity.TOTPKey, problems []problem) error {
	page := totpPage{frame: v.frame("Set up an authenticator app", "/account/security")}
	page.Problems = problems
	if key != nil {
		page.Secret, page.Image = key.Secret, imageURL(key.PNG)
	}
	return v.writeFrame(statusOfProblems(problems), page.frame, totpTemplate, page)
}

// imageURL is an image as an address that holds it.
func imageURL(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png)) //nolint:gosec // made here
}

// writeCodes shows the recovery codes of a second factor that was set up during a
// sign-in.
func (c *call) writeCodes(codes []string, next string) error {
	page := codesPage{frame: frame{Title: "Recovery codes"}, Codes: codes, Next: next}
	return c.writeFrame(http.StatusOK, page.frame, codesTemplate, page)
}

func (v *visit) showCodes(codes []string) error {
	page := codesPage{frame: v.frame("Your recovery codes", "/account/security"), Codes: codes, Next: v.url("/account/security")}
	return v.writeFrame(http.StatusOK, page.frame, codesTemplate, page)
}
