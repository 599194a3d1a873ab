package auth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/spec/smart"
)

// Limits of what an authorization request carries, in bytes.
const (
	maxState = 4096
	maxNonce = 1024
)

// asked are the parameters of an authorization request (RFC 6749 §4.1.1, SMART
// §2.0.9, OpenID Connect Core §3.1.2.1).
type asked struct {
	responseType, responseMode, client, redirect, scope, state, aud, launch string
	challenge, challengeMethod, nonce, prompt, maxAge, loginHint, idHint    string
	requestURI, purpose, claims                                             string
}

// authorize reads an authorization request, keeps it and leads the browser to its
// page. Until client and redirect_uri are known to belong together no error goes
// anywhere but to the user.
func (c *call) authorize() error {
	if c.fromFrame() {
		return c.again()
	}
	if err := c.throttle(limits.Authorizations, c.client()); err != nil {
		return err
	}
	values := c.query
	if c.r.Method == http.MethodPost {
		form, err := c.form()
		if err != nil {
			return err
		}
		for name, v := range form { // what the address had counts, too
			values[name] = append(values[name], v...)
		}
	}
	var a asked
	var err error
	if a.client, err = one(values, "client_id"); err != nil {
		return err
	}
	c.through(a.client)
	client, err := c.Identity.Client(c.r.Context(), a.client)
	var unopened error // told to the app, if what is beside the object says where it is
	if err == nil {
		values, unopened = c.openRequest(client, values)
	}
	c.step.sent(values)
	redirect, twice := one(values, "redirect_uri")
	if twice != nil {
		return twice
	}
	a.redirect = redirect
	switch {
	case a.client == "":
		return identity.Refuse(identity.InvalidRequest, "the app did not say which app it is (client_id)")
	case errors.Is(err, identity.ErrNoClient):
		return identity.Refuse(identity.InvalidRequest, "the app that sent you here is not registered (client_id)")
	case err != nil:
		return err
	case !client.May(identity.AuthorizationCode):
		return identity.Refuse(identity.UnauthorizedClient, "this app is not registered for signing users in")
	case a.redirect == "":
		return identity.Refuse(identity.InvalidRequest, "the app did not say where to go back to (redirect_uri)")
	case !client.MatchRedirect(a.redirect):
		return identity.Refuse(identity.InvalidRequest, "the app asked to go back to an address that is not registered for it (redirect_uri)")
	case client.Suspended:
		return identity.Refuse(identity.UnauthorizedClient, "this app is suspended")
	case !client.Approved:
		return identity.Refuse(identity.UnauthorizedClient, "the registration of this app is not yet approved by an administrator")
	}
	state, err := one(values, "state")
	if err == nil && len(state) > maxState {
		state, err = "", identity.Refuse(identity.InvalidRequest, "state is longer than %d bytes", maxState)
	}
	if err == nil {
		err = unopened
	}
	if err == nil {
		err = c.start(client, a, values)
	}
	if refused, ok := errors.AsType[*identity.Refused](err); ok {
		return c.redirectError(a.redirect, state, refused)
	}
	return err
}

// openRequest returns the parameters of a request object, which count instead of
// those beside it (RFC 9101 §6.3). With an error they are as they were.
func (c *call) openRequest(client *identity.Client, values url.Values) (url.Values, error) {
	object, err := one(values, "request")
	if object == "" || err != nil {
		return values, err
	}
	opened, err := c.Identity.RequestObject(c.r.Context(), client, object)
	if err != nil {
		return values, err
	}
	return opened, nil
}

// start checks what is left; a *Refused goes to the app.
func (c *call) start(client *identity.Client, a asked, values url.Values) error {
	err := several(values, map[string]*string{
		"response_type": &a.responseType, "response_mode": &a.responseMode, "scope": &a.scope, "state": &a.state, "aud": &a.aud,
		"launch": &a.launch, "code_challenge": &a.challenge, "code_challenge_method": &a.challengeMethod, "nonce": &a.nonce,
		"prompt": &a.prompt, "max_age": &a.maxAge, "login_hint": &a.loginHint, "id_token_hint": &a.idHint, "request_uri": &a.requestURI, "purpose_of_use": &a.purpose, "claims": &a.claims,
	})
	if err != nil {
		return err
	}
	if err := a.check(client, c.Identity, c.now); err != nil {
		return err
	}
	if err := client.MayPursue(a.purpose); err != nil {
		return err
	}
	claims, err := parseClaims(a.claims, a.scope)
	if err != nil {
		return err
	}
	scopes, err := c.possible(client, claims.scope(a.scope))
	if err != nil {
		return err
	}
	if err := c.pretend(client.ID, &scopes); err != nil {
		return err
	}
	r := &identity.Request{
		Client: client.ID, Redirect: a.redirect, State: []byte(a.state), Scopes: scopes, Challenge: a.challenge, Nonce: a.nonce, Purpose: a.purpose, LoginHint: a.loginHint,
	}
	if err := c.launched(r, a); err != nil {
		return err
	}
	if err := c.expected(r, a, claims); err != nil {
		return err
	}
	silent, err := c.prompted(r, a)
	if err != nil {
		return err
	}
	if silent {
		return c.silent(client, r)
	}
	cookie, err := c.Identity.StartRequest(c.r.Context(), r)
	if err != nil {
		return err
	}
	c.setCookie(c.cookies.browser, cookie, requestPath+r.ID, identity.RequestFor)
	return c.see(c.url("/" + requestPath + r.ID))
}

func (a *asked) check(client *identity.Client, in *identity.Service, now time.Time) error {
	base := in.FHIRBase()
	switch {
	case a.requestURI != "":
		return identity.Refuse(identity.RequestURINotSupported, "a request object is sent as request, not by its address")
	case a.responseType == "":
		return identity.Refuse(identity.InvalidRequest, "response_type is missing: it is code")
	case a.responseType != "code":
		return identity.Refuse(identity.UnsupportedResponseType, "response_type: only code is possible here")
	case a.responseMode != "" && a.responseMode != "query":
		return identity.Refuse(identity.InvalidRequest, "response_mode: only query is possible here")
	case a.aud == "":
		return identity.Refuse(identity.InvalidRequest, "aud is missing: it is %s", base)
	case !in.IsBase(client.ID, strings.TrimSuffix(a.aud, "/")):
		return identity.Refuse(identity.InvalidRequest, "aud is not the FHIR server whose tokens are issued here: %s", base)
	case len(a.nonce) > maxNonce || !utf8.ValidString(a.nonce):
		return identity.Refuse(identity.InvalidRequest, "nonce is UTF-8 of up to %d bytes", maxNonce)
	case len(a.loginHint) > maxNonce || !utf8.ValidString(a.loginHint):
		return identity.Refuse(identity.InvalidRequest, "login_hint is UTF-8 of up to %d bytes", maxNonce)
	}
	return a.checkChallenge(client, now)
}

// checkChallenge wants S256 of every client but those excepted (RFC 7636 §4.4.1).
func (a *asked) checkChallenge(client *identity.Client, now time.Time) error {
	if a.challenge == "" {
		if a.challengeMethod != "" || client.NeedsPKCE(now) {
			return identity.Refuse(identity.InvalidRequest, "code_challenge is missing: PKCE with S256 is required")
		}
		return nil
	}
	if a.challengeMethod != "S256" {
		return identity.Refuse(identity.InvalidRequest, "code_challenge_method must be S256")
	}
	if sum, err := base64.RawURLEncoding.Strict().DecodeString(a.challenge); err != nil || len(sum) != 32 {
		return identity.Refuse(identity.InvalidRequest, "code_challenge is not the base64url of a SHA-256")
	}
	return nil
}

// possible keeps of the scopes asked for those that this server knows and the
// client is registered for.
func (c *call) possible(client *identity.Client, text string) (smart.Scopes, error) {
	all, err := smart.ParseScopes(text)
	if err != nil {
		return nil, identity.Refuse(identity.InvalidScope, "%v", err)
	}
	var known smart.Scopes
	for _, scope := range all {
		one, err := smart.ParseScope(scope)
		switch {
		case err != nil && !smart.Known(scope):
		case err == nil && (one.Level == smart.System || c.Door.CheckScope(c.r.Context(), one) != nil):
		default:
			known = append(known, scope)
		}
	}
	granted := known.Within(client.Scopes)
	if !client.May(identity.RefreshToken) {
		granted = slices.DeleteFunc(granted, func(s string) bool { return s == smart.OfflineAccess || s == smart.OnlineAccess })
	}
	if len(granted) == 0 {
		return nil, identity.Refuse(identity.InvalidScope, "none of the scopes is known here and registered for this app")
	}
	return granted, nil
}

// launched adds the context of an EHR launch.
func (c *call) launched(r *identity.Request, a asked) error {
	if a.launch == "" {
		if r.Scopes.Has(smart.Launch) {
			// The app was started by itself: there is no EHR to have launched it.
			r.Scopes = slices.DeleteFunc(r.Scopes, func(s string) bool { return s == smart.Launch })
		}
		if len(r.Scopes) == 0 {
			return identity.Refuse(identity.InvalidScope, "the scope launch needs the parameter launch")
		}
		return nil
	}
	l, err := c.Identity.Launch(c.r.Context(), a.launch, r.Client)
	if errors.Is(err, identity.ErrLaunch) {
		return identity.Refuse(identity.InvalidRequest, "launch is unknown, has expired or was used before; launch the app again from the record system")
	}
	if err != nil {
		return err
	}
	r.Launch, r.User, r.Context = a.launch, l.User, l.Context
	return nil
}

// expected wants the user of id_token_hint, and of the claim sub, to be signed in
// (OpenID Connect Core §3.1.2.1, §5.5.1).
func (c *call) expected(r *identity.Request, a asked, claims claimsAsked) error {
	client := r.Client
	hint, err := c.hinted(a.idHint, &client)
	if err != nil {
		return err
	}
	if hint == nil {
		hint = &identity.IDHint{}
	}
	subject, err := claims.subject()
	if err != nil {
		return err
	}
	for _, user := range []string{hint.User, subject} {
		if user == "" {
			continue
		}
		if r.User != "" && r.User != user {
			return identity.Refuse(identity.LoginRequired, "launch, id_token_hint and the sub of claims are not of one user")
		}
		r.User = user
	}
	return nil
}

// prompted reads prompt and max_age (OpenID Connect Core §3.1.2.1), and says whether
// no page may be shown.
func (c *call) prompted(r *identity.Request, a asked) (silent bool, err error) {
	prompts := strings.Fields(a.prompt)
	for _, p := range prompts {
		switch p {
		case "none":
			silent = true
		case "consent":
			r.Ask = true
		case "login", "select_account":
			r.Fresh = true
		default:
			return false, identity.Refuse(identity.InvalidRequest, "prompt: none, login, consent and select_account are possible")
		}
	}
	if silent && len(prompts) > 1 {
		return false, identity.Refuse(identity.InvalidRequest, "prompt: none stands alone")
	}
	if a.maxAge != "" {
		seconds, err := strconv.ParseInt(a.maxAge, 10, 32)
		if err != nil || seconds < 0 {
			return false, identity.Refuse(identity.InvalidRequest, "max_age is a number of seconds")
		}
		r.SignedIn = c.now.Add(-time.Duration(seconds) * time.Second)
	}
	return silent, nil
}
