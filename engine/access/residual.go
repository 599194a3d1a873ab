package access

import (
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Residual is a rule that whoever checks a token elsewhere has to enforce beside its
// scopes (IHE PCF, ITI-71, ihe_pcf.residual): what is forbidden does not flow unless a
// rule permits it. Without criteria it is about everything.
type Residual struct {
	Forbid bool
	Labels []string // system|code, of which a resource has one
	Data   []ResidualDatum
}

// ResidualDatum is a resource that a rule names, and what of it is meant: instance,
// related, dependents or authoredby.
type ResidualDatum struct{ Meaning, Key string }

// Residual is what the consents of one patient and the defaults come to for the asker
// at a time, in microseconds since the Unix epoch, as far as residual rules can say it,
// and the consents that concern the asker then.
// They forbid all that is hidden here, and more where they cannot say it exactly: a rule
// about codes, types or a period, exceptions to a denial, an older consent that a newer one
// overrules. A permission counts only where it alone is an exception to a denial of everything.
func (r *Rules) Residual(consents []Consent, at int64) (concerning []fhir.ID, out []Residual) {
	if r.book == nil || r.asker.Exempt {
		return nil, nil
	}
	var counting []rule
	for _, c := range consents {
		if c.rule == nil {
			continue
		}
		if now, ok := c.rule.at(at, false); ok {
			if now, ok = now.concerning(&r.asker, false); ok {
				counting, concerning = append(counting, now), append(concerning, c.ID)
			}
		}
	}
	for i := range counting {
		out = counting[i].forbids(out)
	}
	sealed := r.book.defaults.sealed(&r.asker)
	shown := r.asker.Self || r.book.defaults.permits(&r.asker)
	if all := slices.ContainsFunc(out, func(one Residual) bool { return one.Labels == nil && one.Data == nil }); !shown || all {
		out = []Residual{{Forbid: true}}
		if len(counting) == 1 && len(sealed) == 0 {
			out = counting[0].permits(out)
		}
		return concerning, out
	}
	if len(sealed) > 0 {
		out = append(out, Residual{Forbid: true, Labels: slices.Clone(sealed)})
	}
	return concerning, out
}

// forbids adds what a rule denies, with those of its criteria that a residual rule can
// tell.
func (r *rule) forbids(out []Residual) []Residual {
	if r.Deny && !r.Void {
		return append(out, r.residual(true))
	}
	for i := range r.Rules {
		out = r.Rules[i].forbids(out)
	}
	return out
}

// permits adds the permissions of a rule that have no exceptions and can be told
// exactly, unless one of the others denies something in particular.
func (r *rule) permits(out []Residual) []Residual {
	if r.Deny && !r.Void && !r.everything() {
		return out
	}
	list := []*rule{r}
	if r.Void || r.Deny {
		list = nil
		for i := range r.Rules {
			list = append(list, &r.Rules[i])
		}
	}
	all := out
	for _, one := range list {
		switch {
		case one.Void || one.Deny && !(one.everything() && len(one.Rules) == 0):
			return out
		case one.Deny:
		case len(one.Rules) > 0 || one.Classes != nil || one.Codes != nil || one.Lo != nil:
		case one.everything():
		default:
			all = append(all, one.residual(false))
		}
	}
	return all
}

// everything says whether a rule has no criteria.
func (r *rule) everything() bool {
	return r.Labels == nil && r.Data == nil && r.Classes == nil && r.Codes == nil && r.Lo == nil
}

func (r *rule) residual(forbid bool) Residual {
	out := Residual{Forbid: forbid, Labels: r.Labels}
	for _, d := range r.Data {
		out.Data = append(out.Data, ResidualDatum(d))
	}
	return out
}
