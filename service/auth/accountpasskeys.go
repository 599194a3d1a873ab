package auth

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fault"
)

// ceremony is what the browser is told to begin with, and what it sends back
// with its answer.
type ceremony struct {
	Options json.RawMessage `json:"options"`
	Token   string          `json:"token"`
}

// beginPasskey begins to register a passkey of the user.
func (v *visit) beginPasskey() error {
	if err := v.fresh(); err != nil {
		return err
	}
	options, token, err := v.Identity.BeginPasskey(v.r.Context(), v.session.UserID)
	if err != nil {
		return v.passkeyFault(err)
	}
	return v.writeJSON(http.StatusOK, ceremony{options, token})
}

// finishPasskey registers what the browser answered.
func (v *visit) finishPasskey() error {
	_, err := v.Identity.FinishPasskey(v.r.Context(), v.session.UserID, v.form.Get("ceremony"), v.form.Get("name"), []byte(v.form.Get("answer")))
	if err != nil {
		return v.passkeyFault(err)
	}
	return v.writeJSON(http.StatusOK, map[string]string{"next": v.url("/account/security?done=passkey")})
}

// passkeyFault says what the user can do about a passkey that was not accepted.
func (c *call) passkeyFault(err error) error {
	if wait, ok := errors.AsType[*identity.WaitError](err); ok {
		c.retryAfter(wait.Until.Sub(c.now))
		return fault.Wrap(err, fault.Throttled, fault.CodeThrottled, "", "Too many sign-ins failed. Try again in %s.", minutes(wait.Until.Sub(c.now)))
	}
	switch {
	case errors.Is(err, identity.ErrPasskey), errors.Is(err, identity.ErrConflict):
		return fault.Wrap(err, fault.Invalid, fault.CodeSecurity, "", "The passkey was not accepted. Try again.")
	case errors.Is(err, identity.ErrNoPasskeys):
		return fault.Wrap(err, fault.Invalid, fault.CodeNotSupported, "", "Passkeys need this server to have an https address with a name.")
	case errors.Is(err, identity.ErrPending):
		return fault.Wrap(err, fault.Invalid, fault.CodeLogin, "", "That took too long. Sign in again.")
	case errors.Is(err, identity.ErrDisabled):
		return fault.Wrap(err, fault.Forbidden, fault.CodeForbidden, "", "This account is disabled. Ask an administrator.")
	}
	return err
}

// removePasskey takes a passkey from the user, whose sessions end.
func (v *visit) removePasskey() error {
	if err := v.fresh(); err != nil {
		return err
	}
	err := v.Identity.RemovePasskey(v.r.Context(), v.session.UserID, v.form.Get("passkey"))
	if errors.Is(err, identity.ErrNotFound) {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such passkey any more.")
	}
	if err != nil {
		return err
	}
	v.dropCookie(v.cookies.session, "")
	return v.see(v.url("/account/sign-in") + "?done=factor-removed")
}
