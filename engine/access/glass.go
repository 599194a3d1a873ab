package access

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// BreakGlass is the purpose of who breaks the glass, a code of v3-ActReason.
const BreakGlass = "BTG"

// MayBreakGlass says whether a role lets its users break the glass.
func (r *Role) MayBreakGlass() bool { return slices.Contains(r.Purposes, BreakGlass) }

// glass is what is allowed of the record of one patient for whom the glass is broken.
type glass struct {
	patient fhir.ID
	rules   *Rules
}

// broken is the grant that counts in the record of a patient for whom the glass is
// broken: the scopes, bound to that patient, and those roles that may, for the purpose
// BTG. No label is sealed. What patients decided about that purpose holds.
func (g *Grant) broken(book *Book, patient fhir.ID) (Grant, bool) {
	in := Grant{Patient: string(patient), User: g.User, Context: g.Context, Asker: g.Asker}
	in.Asker.Purpose, in.Asker.Roles = BreakGlass, nil
	for _, role := range g.Asker.Roles {
		if role.MayBreakGlass() {
			in.Asker.Roles = append(in.Asker.Roles, role)
		}
	}
	if in.Asker.Roles == nil {
		return in, false
	}
	if book != nil {
		in.Asker.Unsealed = book.defaults.Sealed
	}
	for _, s := range g.Scopes.Resources() {
		if s.Level == smart.Patient && g.Patient != string(patient) {
			continue
		}
		s.Level = smart.Patient
		in.Scopes = append(in.Scopes, s.String())
	}
	return in, true
}

// through adds to a filter what is seen through broken glass. What belongs to
// another patient as well stays as that patient has it.
func (r *Rules) through(types []string, i smart.Interactions, x search.Expr) search.Expr {
	for _, g := range r.broken {
		if x == nil {
			return nil
		}
		in := g.rules.Filter(types, i)
		if in == nil {
			return nil
		}
		x = disj(x, conj(in, neg(r.ofOthers(types, i, string(g.patient)))))
	}
	return x
}

// ofOthers holds of the resources of types that belong to another patient than one, or go
// along with something that the rules hide of another.
func (r *Rules) ofOthers(types []string, i smart.Interactions, patient string) search.Expr {
	shared := r.o.shared(types, patient)
	if r.book == nil || r.asker.Exempt {
		return shared
	}
	own := r.o.join(append(r.o.owned, patientType), func(t string) search.Expr { return r.o.owner(t, patient) })
	return disj(shared, r.consenting(types, i).beside(r, conj(r.unconsented(), neg(own))))
}

// severalOwners are the types of which a resource may belong to several patients.
var severalOwners = strings.Fields("Account Appointment AppointmentResponse Binary Schedule")

// shared holds of the resources of types, none: of all, that belong to another patient.
func (o *Ownership) shared(types []string, patient string) search.Expr {
	any := never()
	for _, t := range severalOwners {
		if len(types) > 0 && !slices.Contains(types, t) {
			continue
		}
		for _, p := range o.params(t, ownerCodes(t)) {
			x := search.Expr(search.Chain{Param: p, Target: patientType, X: search.Not{X: search.IDs{patient}}})
			if len(types) != 1 {
				x = search.And{search.TypeIs{t}, x}
			}
			any = disj(any, x)
		}
	}
	return any
}

// glasses adds what broken glass shows.
func (e *explaining) glasses(shown bool) bool {
	for _, g := range e.r.broken {
		in := explaining{r: g.rules, q: e.q, ctx: e.ctx}
		if !in.scopes() {
			continue // it is not of this record
		}
		sees := in.roles()
		sees = in.consents() && sees && !in.holds(e.r.ofOthers([]string{e.typeName()}, seeing, string(g.patient)))
		if e.err == nil {
			e.err = in.err
		}
		if sees {
			e.say(GroundGlass, true, "The user broke the glass for %s/%s: the purpose %s shows it.", patientType, g.patient, BreakGlass)
			shown = true
			continue
		}
		for _, one := range in.grounds {
			if !one.Shows {
				one.Kind, one.Text = GroundGlass, "Although the glass is broken for "+patientType+"/"+string(g.patient)+": "+one.Text
				e.grounds = append(e.grounds, one)
			}
		}
	}
	return shown
}
