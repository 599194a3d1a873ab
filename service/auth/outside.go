package auth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/spec/fault"
)

// outsideEndpoints are where somebody signs in through an outside OpenID Connect
// provider. The first is a link and changes nothing here; what comes back is
// bound to the browser by its cookie.
var outsideEndpoints = []endpoint{
	{"/auth/outside/to/{provider}", "GET", corsNone, (*call).beginOutside, failPage},
	{outsideBack, "GET", corsNone, (*call).finishOutside, failPage},
}

const (
	outsideBack = "/auth/outside/back"
	outsidePath = "auth/outside" // of the cookie
)

// outsideLink is a provider on a page.
type outsideLink struct{ ID, Name, Address string }

// outsideLinks are the providers; what follows the sign-in is at next.
func (c *call) outsideLinks(next string) ([]outsideLink, error) {
	providers, err := c.Identity.Providers(c.r.Context())
	links := make([]outsideLink, len(providers))
	for i, p := range providers {
		links[i] = outsideLink{p.ID, p.Name, c.url("/auth/outside/to/"+p.ID) + "?" + url.Values{"next": {next}}.Encode()}
	}
	return links, err
}

var requestPage = regexp.MustCompile(`^/` + requestPath + `[A-Za-z0-9_-]{1,64}$`)

// onward is where a sign-in may lead: to the account or to a request in progress.
func (c *call) onward(path string) string {
	if requestPage.MatchString(path) {
		return path
	}
	return c.local(path)
}

func (c *call) beginOutside() error {
	if err := c.throttle(limits.Authorizations, c.client()); err != nil { // each asks the provider
		return err
	}
	address, cookie, err := c.Identity.BeginOutside(c.r.Context(), c.r.PathValue("provider"), c.url(outsideBack), nil)
	if err != nil {
		return outsideFault(err)
	}
	c.setOutside(cookie, "", c.onward(c.query.Get("next")))
	return c.see(address)
}

// setOutside keeps in the browser what the provider's answer is bound to, whether
// the account there is to be linked, and where to go on.
func (c *call) setOutside(cookie, purpose, next string) {
	value := cookie + "!" + purpose + "!" + base64.RawURLEncoding.EncodeToString([]byte(next))
	c.setCookie(c.cookies.outside, value, outsidePath, identity.RequestFor)
}

// purposeLink is that of linking an account to who is signed in.
const purposeLink = "link"

// finishOutside signs in whom the provider names, or links the account there.
func (c *call) finishOutside() error {
	parts := strings.Split(c.cookie(c.cookies.outside), "!")
	if len(parts) != 3 {
		return fault.New(fault.Invalid, fault.CodeLogin, "", "This sign-in was not begun in this browser, or is over. Start again.")
	}
	next, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return fault.New(fault.Invalid, fault.CodeLogin, "", "This sign-in was not begun in this browser, or is over. Start again.")
	}
	c.dropCookie(c.cookies.outside, outsidePath)
	in, err := c.Identity.FinishOutside(c.r.Context(), parts[0], c.query, c.from())
	c.signingIn(in, "", err)
	if err != nil {
		return outsideFault(err)
	}
	if parts[1] == purposeLink {
		return c.see(c.url("/account/security"))
	}
	return c.signedIn(in, nil, c.onward(string(next)))
}

// outsideFault says what the user can do about an error.
func outsideFault(err error) error {
	say := func(kind fault.Kind, text string) error {
		return fault.Wrap(err, kind, fault.CodeLogin, "", "%s", text)
	}
	switch {
	case errors.Is(err, identity.ErrUnlinked):
		return say(fault.Forbidden, "Nobody here is linked to your account there. Sign in with your password, and link it on the page 'Sign-in' of your account.")
	case errors.Is(err, identity.ErrLinked):
		return say(fault.Conflict, "This account is linked to another user already.")
	case errors.Is(err, identity.ErrDisabled):
		return say(fault.Forbidden, "This account is disabled. Ask an administrator.")
	case errors.Is(err, identity.ErrSession):
		return say(fault.Unauthenticated, "You were signed out meanwhile. Sign in again; nothing was linked.")
	case errors.Is(err, identity.ErrLocked):
		return say(fault.Throttled, "Too many sign-ins failed. Try again in some minutes.")
	case errors.Is(err, identity.ErrNotFound):
		return say(fault.NotFound, "There is no such provider here.")
	case errors.Is(err, identity.ErrOutside):
		return say(fault.Invalid, "The provider did not sign you in. Try again; if it goes on, tell an administrator.")
	}
	return err
}

// outsidePage leads to the provider, since a form may not.
type outsidePage struct {
	frame
	Name, Address string
}

// linkOutside begins to link an account at a provider to the user.
func (v *visit) linkOutside() error {
	if err := v.fresh(); err != nil {
		return err
	}
	id := v.form.Get("provider")
	address, cookie, err := v.Identity.BeginOutside(v.r.Context(), id, v.url(outsideBack), v.session)
	if err != nil {
		return outsideFault(err)
	}
	v.setOutside(cookie, purposeLink, "")
	page := outsidePage{frame: v.frame("Link an account", "/account/security"), Name: id, Address: address}
	providers, err := v.Identity.Providers(v.r.Context())
	if err != nil {
		return err
	}
	for _, p := range providers {
		if p.ID == id {
			page.Name = p.Name
		}
	}
	return v.writeFrame(http.StatusOK, page.frame, outsideTemplate, page)
}

// unlinkOutside ends the link to an account at a provider.
func (v *visit) unlinkOutside() error {
	if err := v.fresh(); err != nil {
		return err
	}
	if err := v.Identity.UnlinkOutside(v.r.Context(), v.session.UserID, v.form.Get("account")); err != nil {
		return err
	}
	return v.see(v.url("/account/security"))
}
