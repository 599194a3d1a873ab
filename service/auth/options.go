package auth

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

func fhirID(id string) fhir.ID { return fhir.ID(id) }

// Option is one thing that an app asks for and the user may leave out.
type Option struct {
	Scope  string
	Words  string // what a patient understands
	Always bool   // it belongs to signing in, and cannot be left out alone
	Ticked bool   // it is proposed
	InPart bool   // some of its parts are
	// Parts are what may be allowed instead of the whole: some categories, or
	// some types.
	Parts []Option
}

// options are what the request asks for, in the order of a page: about the user
// first, then records.
func (p *progress) options() []Option {
	var first, records []Option
	for _, scope := range p.request.Scopes {
		one, err := smart.ParseScope(scope)
		if err != nil {
			if words, ok := pages.OtherScopeWords(scope); ok && p.available(scope) {
				first = append(first, Option{Scope: scope, Words: words, Always: scope == smart.OpenID || scope == smart.Launch || isContext(scope)})
			}
			continue
		}
		records = append(records, Option{Scope: scope, Words: pages.ScopeWords(one, p.mine()), Parts: parts(one, p.mine())})
	}
	return append(first, records...)
}

func isContext(scope string) bool {
	_, _, ok := smart.LaunchContext(scope)
	return ok
}

// available says whether a scope that is not about resources can be kept for
// this user in this context.
func (p *progress) available(scope string) bool {
	switch scope {
	case smart.FHIRUser, smart.Profile:
		return p.session.User.FHIRUser() != fhir.Key{}
	}
	if typ, _, ok := smart.LaunchContext(scope); ok {
		switch typ {
		case "patient":
			return p.request.Context.Patient != ""
		case "encounter":
			return p.request.Context.Encounter != ""
		}
		return slices.ContainsFunc(p.request.Context.Items, func(i smart.ContextItem) bool { return isOfType(i, typ) })
	}
	return true
}

// parts are what can be allowed instead of a scope.
func parts(s smart.Scope, mine bool) []Option {
	var all []Option
	for _, part := range pages.ScopeParts(s) {
		all = append(all, Option{Scope: part.String(), Words: pages.PartWords(part, mine)})
	}
	return all
}

// chosen are the scopes of a form that its page offered. Of an option that is
// ticked as a whole the parts do not count.
func chosen(options []Option, ticked []string) smart.Scopes {
	var granted smart.Scopes
	for _, o := range options {
		if o.Always || slices.Contains(ticked, o.Scope) {
			granted = append(granted, o.Scope)
			continue
		}
		for _, part := range o.Parts {
			if slices.Contains(ticked, part.Scope) && !granted.Has(part.Scope) {
				granted = append(granted, part.Scope)
			}
		}
	}
	return granted
}

// isOfType says whether an element of fhirContext is of a type, in lower case.
func isOfType(i smart.ContextItem, typ string) bool {
	t := i.Type
	if t == "" {
		t, _, _ = strings.Cut(i.Reference, "/")
	}
	return strings.EqualFold(t, typ)
}

// mine says whether the user is the patient whose record the app opens.
func (p *progress) mine() bool {
	return p.session.User.FHIRUser() == fhir.Key{Type: "Patient", ID: fhirID(p.request.Context.Patient)}
}
