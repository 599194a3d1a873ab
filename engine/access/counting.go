package access

import (
	"fmt"
	"math"
	"slices"
	"strings"

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

// Reasons are what Admitting and Allowing say, the scopes first. They are remembered, and
// not to be changed.
func (r *Rules) Reasons(t fhir.Type, i smart.Interactions) []string {
	key := reasonKey{t, i}
	r.mu.Lock()
	all, ok := r.reasons[key]
	r.mu.Unlock()
	if ok {
		return all
	}
	all = append(r.Admitting(t, i), r.Allowing(t, i)...)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reasons) < maxFilters {
		r.reasons[key] = all
	}
	return all
}

type reasonKey struct {
	t fhir.Type
	i smart.Interactions
}

// Counting are those of a patient's consents that count when the asker does one of the
// interactions with resources of types, at a time in microseconds since the Unix epoch:
// they are in force, they concern the asker and the purpose, and they are about one of
// the types. Which resource each shows or hides says Why.
func (r *Rules) Counting(consents []Consent, types []fhir.Type, i smart.Interactions, at int64) (some []Consent) {
	if r.book == nil || len(consents) == 0 {
		return nil
	}
	for _, g := range r.broken {
		if g.patient == consents[0].Patient {
			return g.rules.Counting(consents, types, i, at)
		}
	}
	if r.asker.Exempt {
		return nil
	}
	writing := i&(smart.Create|smart.Update|smart.Delete) != 0
	for _, c := range consents {
		if c.rule != nil && r.counts(c.rule, types, writing, at) {
			some = append(some, c)
		}
	}
	return some
}

// countKey is what it depends on, besides the time, whether a consent counts for an asker.
type countKey struct {
	rule    *rule // which does not change
	types   string
	writing bool
}

// counted is whether a consent counts in a stretch of time.
type counted struct {
	from, until int64
	counts      bool
}

// maxCounted bounds what is remembered of consents.
const maxCounted = 2_000

// counts says whether a consent counts, as far as it is known from before.
func (r *Rules) counts(of *rule, types []fhir.Type, writing bool, at int64) bool {
	key := countKey{of, joined(types), writing}
	r.mu.Lock()
	known, ok := r.counted[key]
	r.mu.Unlock()
	if ok && known.from <= at && at < known.until {
		return known.counts
	}
	known = r.count(of, types, writing, at)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.counted) >= maxCounted {
		clear(r.counted)
	}
	r.counted[key] = known
	return known.counts
}

// joined are types in one text.
func joined(types []fhir.Type) string {
	if len(types) == 1 {
		return string(types[0])
	}
	var b strings.Builder
	for _, t := range types {
		b.WriteString(string(t))
		b.WriteByte(',')
	}
	return b.String()
}

// count is whether a consent counts, as long as no provision of it begins or ends.
func (r *Rules) count(of *rule, types []fhir.Type, writing bool, at int64) counted {
	c := counted{from: math.MinInt64, until: math.MaxInt64}
	for _, edge := range of.edges(nil) {
		if edge <= at {
			c.from = max(c.from, edge)
		} else {
			c.until = min(c.until, edge)
		}
	}
	now, ok := of.at(at, false)
	if ok {
		now, ok = now.concerning(&r.asker, writing)
	}
	c.counts = ok && slices.ContainsFunc(types, func(t fhir.Type) bool { return r.o.decides(&now, string(t)) })
	return c
}

// decides says whether a rule says something of resources of a type.
func (o *Ownership) decides(r *rule, typeName string) bool {
	if classes[typeName] != owned && classes[typeName] != about {
		return false
	}
	one := o.rule(r, typeName)
	return !isNever(one.claims) || !isNever(one.hides) || !isNever(one.opens)
}
