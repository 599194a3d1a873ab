package auth

import (
	"slices"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// term is how long a user may allow offline access for.
type term struct {
	name, words string
	life        time.Duration // 0: until the user ends it
}

var terms = []term{
	{"open", "Until I end it, or the app was not used for half a year", 0},
	{"day", "For one day", 24 * time.Hour},
	{"quarter", "For 90 days", 90 * 24 * time.Hour},
	{"year", "For one year", 365 * 24 * time.Hour},
}

func (p *progress) showConsent(message string) error {
	if err := p.mayPursue(); err != nil {
		return err
	}
	page := ConsentPage{
		Form: p.formData("consent", message), AppURI: p.client.URI, PolicyURI: p.client.PolicyURI, TermsURI: p.client.TermsURI,
		User: p.session.User.Name, Options: p.options(), Offline: p.request.Scopes.Has(smart.OfflineAccess),
		Launched: p.request.Launch != "", Purpose: p.purpose(),
	}
	earlier, err := p.before(p.offered())
	if err != nil {
		return err
	}
	page.Before = earlier != nil
	p.tick(page.Options, earlier)
	if page.Patient, err = p.opened(); err != nil {
		return err
	}
	if page.Offline {
		for i, t := range terms {
			page.Terms = append(page.Terms, Term{t.name, t.words, i == 0 && !p.form.Has("term") || t.name == p.form.Get("term")})
		}
	}
	return p.writeForm(statusOf(message), "Allow access", consentTemplate, page)
}

// opened is the patient whose record the app opens, whom the user must be able to
// see; nil when there is none.
func (p *progress) opened() (*Choice, error) {
	id := p.request.Context.Patient
	if id == "" || !asksPatient(p.request.Scopes) {
		return nil, nil
	}
	c, err := p.patient(p.r.Context(), fhirID(id))
	if err == nil && c == nil {
		err = identity.Refuse(identity.AccessDenied, "the patient is not on this server")
	}
	return c, err
}

// actConsent makes the grant of what is ticked. What the page did not offer is
// not taken, whatever the form says.
func (p *progress) actConsent() error {
	if err := p.mayPursue(); err != nil {
		return err
	}
	if p.form.Get("allow") == "" {
		return p.showConsent("Allow or do not allow.")
	}
	granted := chosen(p.options(), p.form["scope"])
	if !grantsSomething(granted) {
		return p.showConsent("Nothing is ticked. Tick what the app may do, or do not allow it.")
	}
	var until time.Time
	if granted.Has(smart.OfflineAccess) {
		n := slices.IndexFunc(terms, func(t term) bool { return t.name == p.form.Get("term") })
		if n < 0 {
			return p.showConsent("Choose for how long.")
		}
		if terms[n].life > 0 {
			until = p.now.Add(terms[n].life)
		}
	}
	return p.grant(granted, until)
}

// grantsSomething says whether scopes allow anything by themselves.
func grantsSomething(s smart.Scopes) bool {
	return s.Has(smart.OpenID) || s.Has(smart.FHIRUser) || len(s.Resources()) > 0 || s.Has(smart.Launch) || asksPatient(s)
}
