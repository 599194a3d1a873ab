package auth

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/smart"
)

// context is what the app is told beside its token (SMART §3.0.3): what the
// launch or the user chose, the role that the user acts in, and how pages look.
func (p *progress) context(scopes smart.Scopes) smart.Context {
	x := p.request.Context
	if !asksPatient(scopes) {
		// The app may know only what was allowed.
		x.Patient, x.Encounter = "", ""
	} else if !asksEncounter(scopes) && !scopes.Has(smart.Launch) {
		x.Encounter = ""
	}
	x.Items = slices.Clone(x.Items)
	if !scopes.Has(smart.FHIRUser) {
		return p.display(x)
	}
	for _, l := range p.session.User.Links {
		if l.PractitionerRole == "" {
			continue
		}
		role := "PractitionerRole/" + string(l.PractitionerRole)
		if !slices.ContainsFunc(x.Items, func(i smart.ContextItem) bool { return i.Reference == role }) {
			x.Items = append(x.Items, smart.ContextItem{Reference: role, Type: "PractitionerRole"})
		}
	}
	return p.display(x)
}

// display adds whether the app has to say who the patient is, and where to find
// colours and sizes.
func (p *progress) display(x smart.Context) smart.Context {
	if x.Patient != "" && x.Banner == nil {
		banner := true
		x.Banner = &banner
	}
	if x.Style == "" {
		x.Style = p.url("/auth/style.json")
	}
	return x
}

// asksPatient says whether a patient has to be in context.
func asksPatient(s smart.Scopes) bool {
	return s.Level(smart.Patient) || s.Has(smart.Launch) || asksContext(s, "patient") || asksContext(s, "encounter")
}

func asksEncounter(s smart.Scopes) bool { return asksContext(s, "encounter") }

func asksContext(s smart.Scopes, resourceType string) bool {
	return slices.ContainsFunc(s, func(scope string) bool {
		t, _, ok := smart.LaunchContext(scope)
		return ok && strings.EqualFold(t, resourceType)
	})
}
