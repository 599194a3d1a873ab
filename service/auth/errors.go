package auth

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// statuses are those that an error code has at the token endpoint and its like;
// others are 400 (RFC 6749 §5.2).
var statuses = map[identity.Code]int{
	identity.InvalidClient:          http.StatusUnauthorized,
	identity.InvalidToken:           http.StatusUnauthorized,
	identity.InsufficientScope:      http.StatusForbidden,
	identity.ServerError:            http.StatusInternalServerError,
	identity.TemporarilyUnavailable: http.StatusServiceUnavailable,
}

// oauthError is the body of an error (RFC 6749 §5.2).
type oauthError struct {
	Code identity.Code `json:"error"`
	Why  string        `json:"error_description,omitempty"`
}

// failJSON answers as RFC 6749 §5.2 has it.
func failJSON(c *call, err error) {
	body, status := explain(err)
	c.report(status, err)
	h := c.w.Header()
	if challenge := c.challenge(body); challenge != "" {
		h.Set("WWW-Authenticate", challenge)
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "2")
		}
	}
	if err := c.writeJSON(status, body); err != nil {
		web.Fail(c.w, c.r, err)
	}
}

// challenge says how to authenticate: a client as RFC 6749 §5.2 has it, a token as
// RFC 6750 §3, where whoever sends none learns nothing but that it needs one; "" for
// other errors.
func (c *call) challenge(e oauthError) string {
	realm := ` realm="` + c.Identity.Issuer() + `"`
	switch {
	case e.Code == identity.InvalidClient:
		return "Basic" + realm
	case e.Code == identity.InvalidToken && bearer(c.r) == "":
		return "Bearer" + realm
	case e.Code == identity.InvalidToken || e.Code == identity.InsufficientScope:
		return "Bearer" + realm + `, error="` + string(e.Code) + `", error_description="` + e.Why + `"`
	}
	return ""
}

// explain finds the error that a client may see, and its status.
func explain(err error) (oauthError, int) {
	if r, ok := errors.AsType[*identity.Refused](err); ok {
		status, ok := statuses[r.Code]
		if !ok {
			status = http.StatusBadRequest
		}
		return oauthError{r.Code, r.Why}, status
	}
	if errors.Is(err, identity.ErrToken) {
		return oauthError{identity.InvalidToken, "the access token is unknown, has expired or was revoked"}, http.StatusUnauthorized
	}
	if errors.Is(err, identity.ErrBusy) || errors.Is(err, identity.ErrConflict) {
		return oauthError{identity.TemporarilyUnavailable, "many requests change the same thing just now; try again in a moment"}, http.StatusServiceUnavailable
	}
	f := web.Explain(err)
	status := web.Status(f.Kind)
	why := identity.Refuse("", "%s", f.Issues[0].Message).Why
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return oauthError{identity.TemporarilyUnavailable, why}, status
	case status >= 500:
		return oauthError{identity.ServerError, why}, status
	}
	return oauthError{identity.InvalidRequest, why}, status
}

// report logs what is the server's fault.
func (c *call) report(status int, err error) {
	if status >= 500 && status != http.StatusServiceUnavailable && c.r.Context().Err() == nil {
		c.server.config.Log.Error("request failed", "request", c.requestID(), "route", c.r.Pattern, "error", err)
	}
}

func (c *call) requestID() string {
	if x := web.From(c.r.Context()); x != nil {
		return x.ID
	}
	return ""
}

// writeJSON answers with what nobody may keep.
func (c *call) writeJSON(status int, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(append(text, '\n')) // the client may be gone; there is nobody left to tell
	return nil
}

// failPage answers with a page for people.
func failPage(c *call, err error) {
	body, status := explain(err)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		body.Why = f.Issues[0].Message
	}
	c.report(status, err)
	page := ErrorPage{Code: string(body.Code), Message: sentence(body.Why)}
	if status >= 500 {
		page.Request = c.requestID()
	}
	if err := c.writePage(status, "This did not work", errorTemplate, page); err != nil {
		web.Fail(c.w, c.r, err)
	}
}

// sentence makes a sentence of a description.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

func isNotFound(err error) bool { return errors.Is(err, identity.ErrNotFound) }
