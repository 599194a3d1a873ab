package auth

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// requestPath is where requests in progress are, below the tenant.
const requestPath = "auth/request/"

// progress is a request in progress, in the browser that it is bound to.
type progress struct {
	*call
	request *identity.Request
	client  *identity.Client
	session *identity.Session // nil: nobody is signed in, or not freshly enough
	cookie  string
	form    url.Values // of a POST
	// allowed are the scopes that the user allowed before, by the grant earlier.
	allowed smart.Scopes
	earlier *identity.Grant
}

// step is what the user has to do next. Its page is shown by GET; what a POST of
// its form says is taken by act.
type step struct {
	name string
	// required is what an app is told that wants no page to be shown.
	required identity.Code
	// due says whether it stands between the request and its code.
	due  func(*progress) (bool, error)
	show func(*progress, string) error // with a message about what was sent
	act  func(*progress) error
}

// steps are taken in this order. What one of them learns is kept in the request
// or in the session, so that a page can be asked for again at any time.
var steps []step

func init() {
	steps = []step{
		{"sign-in", identity.LoginRequired, (*progress).dueSignIn, (*progress).showSignIn, (*progress).actSignIn},
		{"patient", identity.InteractionRequired, (*progress).duePatient, (*progress).showPatient, (*progress).actPatient},
		{"encounter", identity.InteractionRequired, (*progress).dueEncounter, (*progress).showEncounter, (*progress).actEncounter},
		{"consent", identity.ConsentRequired, (*progress).dueConsent, (*progress).showConsent, (*progress).actConsent},
	}
}

// request serves the page of a request in progress: the one dispatcher.
func (c *call) request() error {
	p, err := c.resume()
	if err != nil {
		return err
	}
	if c.r.Method == http.MethodPost {
		if err := p.own(); err != nil {
			return err
		}
		if p.form.Get("deny") != "" {
			c.note("the user said no")
			return p.deny(identity.Refuse(identity.AccessDenied, "the user said no"))
		}
	}
	for _, s := range steps {
		due, err := s.due(p)
		if err != nil {
			return p.fail(err)
		}
		if !due {
			continue
		}
		c.step.answer("page", s.name)
		c.note("step " + s.name)
		if c.r.Method != http.MethodPost {
			return p.fail(s.show(p, ""))
		}
		if p.form.Get("step") == s.name && p.form.Get("session") == p.sessionID() {
			return p.fail(s.act(p))
		}
		return p.again() // the form is of another step, or of who was signed in when it was shown
	}
	if c.r.Method != http.MethodGet {
		return p.again()
	}
	return p.grant(p.allowed, time.Time{})
}

// resume finds the request that the address names, in its browser.
func (c *call) resume() (*progress, error) {
	p := &progress{call: c, cookie: c.cookie(c.cookies.browser)}
	var err error
	p.request, err = c.Identity.ReadRequest(c.r.Context(), c.r.PathValue("id"), p.cookie)
	switch {
	case errors.Is(err, identity.ErrRequest):
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "",
			"This page is for a request that has expired, or was begun in another browser. Go back to the app and start again.")
	case err != nil:
		return nil, err
	case !p.request.Answered.IsZero():
		return nil, errAnswered()
	}
	p.client, err = c.Identity.Client(c.r.Context(), p.request.Client)
	if errors.Is(err, identity.ErrNoClient) || err == nil && (p.client.Suspended || !p.client.Approved || !p.client.MatchRedirect(p.request.Redirect)) {
		return nil, fault.New(fault.Forbidden, fault.CodeForbidden, "", "This app can no longer be used here.")
	}
	if err != nil {
		return nil, err
	}
	c.through(p.client.ID)
	p.session, err = c.session(p.request)
	return p, err
}

func errAnswered() error {
	return fault.New(fault.Conflict, fault.CodeConflict, "", "You have answered this already. Go back to the app; if it still waits, start again from there.")
}

// session is that of the browser, if the sign-in is as fresh as the request
// wants it; nil otherwise.
func (c *call) session(r *identity.Request) (*identity.Session, error) {
	cookie := c.cookie(c.cookies.session)
	if cookie == "" {
		return nil, nil
	}
	s, err := c.Identity.Session(c.r.Context(), cookie)
	if errors.Is(err, identity.ErrSession) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.by(s.User)
	if r.Fresh && s.Created.Before(r.Created) || s.Created.Before(r.SignedIn) {
		return nil, nil
	}
	return s, nil
}

// own makes sure that the form comes from a page of this request.
func (p *progress) own() (err error) {
	if err := p.server.origins.Check(p.r); err != nil {
		return errForeign()
	}
	if p.form, err = p.call.form(); err != nil {
		return err
	}
	if !pages.Equal(p.form.Get("token"), p.request.FormToken(p.cookie)) {
		return errForeign()
	}
	return nil
}

func errForeign() error {
	return fault.New(fault.Forbidden, fault.CodeForbidden, "", "This form was not sent from its own page. Go back to the app and start again.")
}

// sessionID names the session for which a form is shown; "" for none.
func (p *progress) sessionID() string {
	if p.session == nil {
		return ""
	}
	return p.session.ID
}

// again leads to the page of the step that is due.
func (p *progress) again() error { return p.see(p.address()) }

func (p *progress) address() string { return p.url("/" + requestPath + p.request.ID) }

// save keeps what was chosen and goes on.
func (p *progress) save() error {
	err := p.Identity.SaveRequest(p.r.Context(), p.request)
	if errors.Is(err, identity.ErrConflict) {
		return p.again() // another tab was faster; what is due is seen anew
	}
	if err != nil {
		return err
	}
	return p.again()
}

// fail ends the request when the app is to be told of an error.
func (p *progress) fail(err error) error {
	if r, ok := errors.AsType[*identity.Refused](err); ok {
		return p.deny(r)
	}
	return err
}

// deny answers the app with an error and ends the request.
func (p *progress) deny(r *identity.Refused) error {
	err := p.Identity.DenyRequest(p.r.Context(), p.request)
	if errors.Is(err, identity.ErrAnswered) {
		return errAnswered()
	}
	if err != nil {
		return err
	}
	return p.redirectError(p.request.Redirect, string(p.request.State), r)
}

// grant makes the code of what the user allowed, now or before.
func (p *progress) grant(scopes smart.Scopes, until time.Time) error {
	code, err := p.Identity.Authorize(p.r.Context(), identity.Authorization{
		Request: p.request, Session: p.session, Scopes: scopes, Context: p.context(scopes), Until: until, Earlier: p.earlier,
	})
	switch {
	case errors.Is(err, identity.ErrAnswered) || errors.Is(err, identity.ErrLaunch):
		return errAnswered()
	case errors.Is(err, identity.ErrConflict):
		return p.again() // what was allowed before has changed, or another tab was faster
	case err != nil:
		return err
	}
	return p.redirectCode(p.request.Redirect, string(p.request.State), code)
}
