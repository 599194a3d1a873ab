package access

import (
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// Allowing are the rules of the asker's roles that allow one of the interactions with
// a type, in short words: "role nurse rules[0]". None where roles bind nobody.
func (r *Rules) Allowing(t fhir.Type, i smart.Interactions) (all []string) {
	for _, role := range r.asker.Roles {
		for n := range role.Rules {
			if r.asker.allows(&role.Rules[n], string(t), i) {
				all = append(all, fmt.Sprintf("role %s rules[%d]", role.Name, n))
			}
		}
	}
	return all
}

// Refusing says, of an interaction with a type that May refuses, whether no scope
// allows it or no role.
func (r *Rules) Refusing(t fhir.Type, i smart.Interactions) (all []string) {
	if len(r.Admitting(t, i)) == 0 {
		return []string{"no scope"}
	}
	for _, role := range r.asker.Roles {
		all = append(all, "no rule of role "+role.Name)
	}
	return all
}

// Consented holds of the resources of a type that consents and the defaults let the
// asker see, whatever scopes and roles show; nil: of all of them.
func (r *Rules) Consented(t fhir.Type) search.Expr { return r.consented([]string{string(t)}, seeing) }

// Counting are those of a patient's consents that count when the asker does one of the
// interactions with resources of types, at a time in microseconds since the Unix epoch:
// they are in force, they concern the asker and the purpose, and they are about one of
// the types. Which resource each shows or hides says Why.
func (r *Rules) Counting(consents []Consent, types []fhir.Type, i smart.Interactions, at int64) (some []Consent) {
	if r.book == nil {
		return nil
	}
	asker := &r.asker
	for _, g := range r.broken {
		if len(consents) > 0 && g.patient == consents[0].Patient {
			asker = &g.rules.asker
		}
	}
	if asker.Exempt {
		return nil
	}
	writing := i&(smart.Create|smart.Update|smart.Delete) != 0
	for _, c := range consents {
		if c.rule == nil {
			continue
		}
		now, ok := c.rule.at(at, false)
		if !ok {
			continue
		}
		if now, ok = now.concerning(asker, writing); ok && slices.ContainsFunc(types, func(t fhir.Type) bool { return r.o.decides(&now, string(t)) }) {
			some = append(some, c)
		}
	}
	return some
}

// decides says whether a rule says something of resources of a type.
func (o *Ownership) decides(r *rule, typeName string) bool {
	if classes[typeName] != owned && classes[typeName] != about {
		return false
	}
	one := o.rule(r, typeName)
	return !isNever(one.claims) || !isNever(one.hides) || !isNever(one.opens)
}
