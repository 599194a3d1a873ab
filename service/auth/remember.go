package auth

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// dueConsent says whether the user has to be asked what the app may do, or has
// allowed all that it asks for already.
func (p *progress) dueConsent() (bool, error) {
	if p.answers() || !p.mayRemember() {
		return true, nil
	}
	scopes := p.offered()
	earlier, err := p.before(scopes)
	if err != nil || earlier == nil || !grantsSomething(scopes) {
		return true, err
	}
	for _, scope := range scopes {
		if !earlier.Allows(scope) {
			return true, nil
		}
	}
	if _, err := p.opened(); err != nil {
		return false, err
	}
	p.allowed, p.earlier = scopes, earlier
	return false, nil
}

// answers says whether the page of consent was shown and is being answered, which
// counts whatever was allowed before.
func (p *progress) answers() bool { return p.form.Get("step") == "consent" }

// mayRemember says whether what the user allowed before may be taken for an answer.
// It may not when the app wants the user to be asked, or names a purpose of use, nor for access while the user
// is away: that makes a key that outlives the session (OpenID Connect Core §11).
// And it must be known that it is this app that gets the answer: it proves that
// itself, or has an https address of its own. Everybody on a device can listen at
// loopback or claim a private-use scheme (RFC 8252 §8.6).
func (p *progress) mayRemember() bool {
	return !p.request.Ask && p.request.Purpose == "" && !p.request.Scopes.Has(smart.OfflineAccess) &&
		(p.client.Confidential() || strings.HasPrefix(p.request.Redirect, "https://"))
}

// offered are the scopes that the page of consent offers as a whole.
func (p *progress) offered() smart.Scopes {
	var all smart.Scopes
	for _, o := range p.options() {
		all = append(all, o.Scope)
	}
	return all
}

// before is what the user was last asked for this app and patient and allowed; nil
// for nothing that is still good.
func (p *progress) before(scopes smart.Scopes) (*identity.Grant, error) {
	return p.Identity.Earlier(p.r.Context(), p.session, p.client.ID, p.context(scopes).Patient)
}

// tick ticks what the page of consent proposes: what was sent, if the page is shown
// again; what was allowed before; or else all of it.
func (p *progress) tick(options []Option, earlier *identity.Grant) {
	ticked := func(_ string, whole bool) bool { return whole }
	switch {
	case p.answers():
		ticked = func(scope string, _ bool) bool { return slices.Contains(p.form["scope"], scope) }
	case earlier != nil:
		ticked = func(scope string, _ bool) bool { return earlier.Allows(scope) }
	}
	for i := range options {
		o := &options[i]
		o.Ticked = ticked(o.Scope, true)
		for j := range o.Parts {
			part := &o.Parts[j]
			part.Ticked = !o.Ticked && ticked(part.Scope, false)
			o.InPart = o.InPart || part.Ticked
		}
	}
}
