package auth

import (
	"errors"
	"net/http"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fault"
)

// linkEndpoints are where links lead that were given to one person: the secret in
// them is what lets in, once.
var linkEndpoints = []endpoint{
	{"/account/first/{secret}", "GET, POST", corsNone, (*call).first, failPage},
	{"/account/invitation/{secret}", "GET, POST", corsNone, (*call).invitation, failPage},
}

// FirstURL is the address at which the secret of identity.FirstLink makes the
// first administrator.
func FirstURL(issuer, secret string) string { return issuer + "/account/first/" + secret }

// InvitationURL is the address at which the secret of identity.Invite lets a user
// choose a password.
func InvitationURL(issuer, secret string) string { return issuer + "/account/invitation/" + secret }

// linkPage asks for a password, and for the first administrator's login and name.
type linkPage struct {
	frame
	First       bool
	Reset       bool
	Login, Name string
	MinPassword int
}

func errLink() error {
	return fault.New(fault.NotFound, fault.CodeNotFound, "", "This link has expired, or was used before. Ask for a new one.")
}

// first makes the first administrator.
func (c *call) first() error {
	ctx, secret := c.r.Context(), c.r.PathValue("secret")
	page := &linkPage{frame: frame{Title: "The first administrator"}, First: true}
	if err := c.Identity.CheckFirst(ctx, secret); errors.Is(err, identity.ErrLink) {
		return errLink()
	} else if err != nil {
		return err
	}
	return c.link(page, func(password string) (*identity.SignIn, error) {
		return c.Identity.AcceptFirst(ctx, secret, identity.User{Login: page.Login, Name: page.Name}, password, c.from())
	})
}

// invitation lets a user choose a password.
func (c *call) invitation() error {
	ctx, secret := c.r.Context(), c.r.PathValue("secret")
	i, err := c.Identity.Invitation(ctx, secret)
	switch {
	case errors.Is(err, identity.ErrLink):
		return errLink()
	case errors.Is(err, identity.ErrDisabled):
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "This account is disabled. Ask an administrator.")
	case err != nil:
		return err
	}
	page := &linkPage{frame: frame{Title: "Choose a password"}, Reset: i.Reset, Login: i.User.Login, Name: i.User.Name}
	return c.link(page, func(password string) (*identity.SignIn, error) {
		return c.Identity.AcceptInvitation(ctx, secret, password, c.from())
	})
}

// link shows the page of a link, or has what its form says accepted, and signs
// the user in.
func (c *call) link(page *linkPage, accept func(password string) (*identity.SignIn, error)) error {
	page.Action, page.MinPassword = c.url(c.here()), identity.MinPassword
	if c.r.Method != http.MethodPost {
		return c.writeFrame(http.StatusOK, page.frame, linkTemplate, page)
	}
	if err := c.server.origins.Check(c.r); err != nil {
		return errForeign()
	}
	form, err := c.form()
	if err != nil {
		return err
	}
	if page.First {
		page.Login, page.Name = form.Get("login"), form.Get("name")
	}
	if form.Get("password") != form.Get("repeated") {
		page.Problems = []problem{{Field: "repeated", Message: "The two passwords differ."}}
	} else {
		in, err := accept(form.Get("password"))
		c.signingIn(in, "", err)
		switch {
		case err == nil:
			return c.signedIn(in, nil, "/account")
		case errors.Is(err, identity.ErrLink):
			return errLink()
		}
		if page.Problems = problems(err); page.Problems == nil {
			return err
		}
	}
	return c.writeFrame(http.StatusUnprocessableEntity, page.frame, linkTemplate, page)
}
