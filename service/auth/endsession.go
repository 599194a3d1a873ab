package auth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
)

// endSession ends the browser's session for an app (OpenID Connect RP-Initiated
// Logout §2). Without an id_token of the user who is signed in, the user is asked.
func (c *call) endSession() error {
	values := c.query
	posted := c.r.Method == http.MethodPost
	if posted {
		form, err := c.form()
		if err != nil {
			return err
		}
		values = form
	}
	var hint, client, back, state string
	err := several(values, map[string]*string{"id_token_hint": &hint, "client_id": &client, "post_logout_redirect_uri": &back, "state": &state})
	if err != nil {
		return err
	}
	known, err := c.hinted(hint, &client)
	if err != nil {
		return err
	}
	if back != "" {
		if err := c.checkPostLogout(client, back); err != nil {
			return err
		}
	}
	cookie := c.cookie(c.cookies.session)
	s, err := c.Identity.SessionToEnd(c.r.Context(), cookie)
	if errors.Is(err, identity.ErrSession) {
		s, err = nil, nil
	}
	if err != nil {
		return err
	}
	if s != nil && (known == nil || known.User != s.UserID) {
		if !posted || values.Get("confirm") == "" {
			return c.askSignOut(cookie, values)
		}
		if c.server.origins.Check(c.r) != nil || !pages.Equal(values.Get("token"), identity.SignOutToken(cookie)) {
			return errForeign()
		}
	}
	if s != nil {
		if err := c.Identity.EndSession(c.r.Context(), s.UserID, s.ID); err != nil && !errors.Is(err, identity.ErrSession) {
			return err
		}
	}
	c.dropCookie(c.cookies.session, "")
	if back == "" {
		return c.writePage(http.StatusOK, "Signed out", signedOutTemplate, nil)
	}
	answer := url.Values{}
	if state != "" {
		answer.Set("state", state)
	}
	return c.see(withQuery(back, answer))
}

// hinted reads id_token_hint, and makes sure that client_id is its own.
func (c *call) hinted(hint string, client *string) (*identity.IDHint, error) {
	if hint == "" {
		return nil, nil
	}
	h, err := c.Identity.ReadIDHint(c.r.Context(), hint)
	if errors.Is(err, identity.ErrToken) {
		return nil, identity.Refuse(identity.InvalidRequest, "id_token_hint is not an id_token of this server")
	}
	if err != nil {
		return nil, err
	}
	if *client != "" && *client != h.Client {
		return nil, identity.Refuse(identity.InvalidRequest, "client_id is another than that of id_token_hint")
	}
	*client = h.Client
	return &h, nil
}

func (c *call) checkPostLogout(client, back string) error {
	found, err := c.Identity.Client(c.r.Context(), client)
	if errors.Is(err, identity.ErrNoClient) || err == nil && !slices.Contains(found.PostLogout, back) {
		return identity.Refuse(identity.InvalidRequest, "post_logout_redirect_uri is not registered for the app, which id_token_hint or client_id names")
	}
	return err
}

// askSignOut asks whether the session is to end, so that no other page ends it.
func (c *call) askSignOut(cookie string, values url.Values) error {
	page := SignOutPage{Form: Form{Action: c.url("/auth/end-session"), Token: identity.SignOutToken(cookie)}}
	for _, name := range []string{"client_id", "post_logout_redirect_uri", "state"} {
		if v := values.Get(name); v != "" {
			page.Hidden = append(page.Hidden, Hidden{name, v})
		}
	}
	var targets []string
	if back := values.Get("post_logout_redirect_uri"); back != "" {
		targets = append(targets, formTarget(back))
	}
	return c.writeFrame(http.StatusOK, frame{Title: "Sign out", targets: targets}, signOutTemplate, page)
}
