package access

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Asker is who asks, as consents see it.
type Asker struct {
	// Exempt is nobody whom a consent concerns: the server's administration.
	Exempt bool
	// Self is a patient in the own record: of consents only what names the app
	// counts.
	Self bool
	// Actors are the references by which a consent may name the asker: the user's
	// resource, the PractitionerRole, the organizations, care teams and groups it acts
	// for; and identifiers as "system|value", such as the app's.
	Actors []string
	// Purpose of use, a code of v3-ActReason: TREAT.
	Purpose string
	// Roles of a user of the place; nil for whom roles do not bind: patients in
	// their own records, apps without a user.
	Roles []Role
	// Organizations for which the user acts: what a department is.
	Organizations []fhir.Key
	// Carers are, beside the user's own resource, those by which patients may name the user
	// as who cares for them: the PractitionerRoles, for one.
	Carers []fhir.Key
	// Unsealed are the sensitive labels, as "system|code", that need no consent of
	// the patient for this asker.
	Unsealed []string
}

// ReachesDepartments says whether a role of the asker is for the patients of departments, so
// that Organizations count.
func (a *Asker) ReachesDepartments() bool { return a.reaches(ReachDepartment) }

// ReachesOwn says whether a role of the asker is for the own patients, so that Carers count.
func (a *Asker) ReachesOwn() bool { return a.reaches(ReachOwn) }

func (a *Asker) reaches(reach Reach) bool {
	return slices.ContainsFunc(a.Roles, func(r Role) bool {
		return slices.ContainsFunc(r.Rules, func(one RoleRule) bool { return one.Reach == reach })
	})
}

// key tells askers apart whom policies may treat differently.
func (a *Asker) key() string {
	self := ""
	if a.Self {
		self = "self\x00"
	}
	return self + strings.Join(a.Actors, "\n") + "\x00" + a.Purpose + "\x00" + strings.Join(a.Unsealed, "\n")
}

// broader are the purposes of which each is a part (v3-ActReason). BTG is none of
// TREAT here: who breaks the glass does so because a consent stands in the way.
var broader = map[string]string{
	"CLINTRCH": "TREAT", "COC": "TREAT", "ETREAT": "TREAT", "ERTREAT": "ETREAT", "POPHLTH": "TREAT",
	"CLMATTCH": "HPAYMT", "COVAUTH": "HPAYMT", "COVERAGE": "HPAYMT", "ELIGDTRM": "COVERAGE", "ELIGVER": "COVERAGE", "ENROLLM": "COVERAGE",
	"MILDCRG": "COVERAGE", "REMITADV": "HPAYMT",
	"CAREMGT": "HOPERAT", "DONAT": "HOPERAT", "FRAUD": "HOPERAT", "GOV": "HOPERAT", "HACCRED": "HOPERAT", "HCOMPL": "HOPERAT",
	"HDECD": "HOPERAT", "HDIRECT": "HOPERAT", "HDM": "HOPERAT", "HLEGAL": "HOPERAT", "HOUTCOMS": "HOPERAT", "HPRGRP": "HOPERAT",
	"HQUALIMP": "HOPERAT", "HSYSADMIN": "HOPERAT", "LABELING": "HOPERAT", "METAMGT": "HOPERAT", "MEMADMIN": "HOPERAT", "MILCDM": "HOPERAT",
	"PATADMIN": "HOPERAT", "PATSFTY": "HOPERAT", "PERFMSR": "HOPERAT", "RECORDMGT": "HOPERAT", "SYSDEV": "HOPERAT", "HTEST": "SYSDEV", "TRAIN": "HOPERAT",
	"FAMRQT": "PATRQT", "PWATRNY": "PATRQT", "SUPNWK": "PATRQT",
	"DISASTER": "PUBHLTH", "THREAT": "PUBHLTH",
	"BIORCH": "HRESCH", "CLINTRCHNPC": "CLINTRCH", "CLINTRCHPC": "CLINTRCH", "PRECLINTRCH": "HRESCH", "DSRCH": "HRESCH", "POARCH": "HRESCH", "TRANSRCH": "HRESCH",
}

// KnownPurpose says whether a code is a purpose of use (v3-ActReason).
func KnownPurpose(code string) bool {
	return broader[code] != "" || slices.Contains([]string{"TREAT", "HPAYMT", "HOPERAT", "PATRQT", "PUBHLTH", "HRESCH", "HMARKT", BreakGlass}, code)
}

// pursues says whether what the asker is about is one of purposes, or part of one.
func (a *Asker) pursues(purposes []string) bool {
	for p := a.Purpose; p != ""; p = broader[p] {
		if slices.Contains(purposes, p) {
			return true
		}
	}
	return false
}

var (
	readActions  = []string{"access", "use", "disclose"}
	writeActions = []string{"collect", "correct"}
)

// concerning is what of a rule concerns an asker: without the criteria that say so.
func (r *rule) concerning(a *Asker, writing bool) (rule, bool) {
	if len(r.Actors) > 0 && !slices.ContainsFunc(r.Actors, func(one string) bool { return slices.Contains(a.Actors, one) }) {
		return rule{}, false
	}
	if len(r.Purposes) > 0 && !a.pursues(r.Purposes) {
		return rule{}, false
	}
	if len(r.Actions) > 0 && !slices.ContainsFunc(r.Actions, func(one string) bool {
		return slices.Contains(readActions, one) || writing && slices.Contains(writeActions, one)
	}) {
		return rule{}, false
	}
	out := *r
	out.Actors, out.Purposes, out.Actions, out.Rules = nil, nil, nil, nil
	out.Void = out.Void || a.Self && len(r.Actors) == 0
	for i := range r.Rules {
		if one, ok := r.Rules[i].concerning(a, writing); ok {
			out.Rules = append(out.Rules, one)
		}
	}
	return out, !out.Void || len(out.Rules) > 0
}

// concerning is what of a policy concerns an asker.
func (p policy) concerning(a *Asker, writing bool) policy {
	var out policy
	for _, together := range p {
		var some []rule
		for i := range together {
			if one, ok := together[i].concerning(a, writing); ok {
				some = append(some, one)
			}
		}
		if some != nil {
			out = append(out, some)
		}
	}
	return out
}
