package access

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
)

// consenting is what consents and defaults make of the resources of some types.
type consenting struct {
	o      *Ownership
	types  []string
	params []search.Param // by which they belong to patients
	self   bool           // a Patient belongs to the patient
	sole   bool           // none belongs to several
	concerned
	defaults *Defaults
	asker    *Asker
	creating bool // what nobody can see yet
}

// consented holds of the resources of types, none: of all, that consents and the
// defaults let the asker see; nil: of all of them. What belongs to several patients
// is hidden when one of them hides it. To create what they would hide because of
// what it is about is allowed: who makes it knows it.
func (r *Rules) consented(types []string, i smart.Interactions) search.Expr {
	if r.book == nil || r.asker.Exempt {
		return nil
	}
	c := r.consenting(types, i)
	return c.without(disj(c.hidden(), c.beside(r, r.unconsented())))
}

// ofThemselves holds of the resources of types that are not hidden for what they are. What
// is hidden beside something else, a Binary, leads nowhere.
func (r *Rules) ofThemselves(types []string) search.Expr {
	if r.book == nil || r.asker.Exempt {
		return nil
	}
	c := r.consenting(types, seeing)
	return c.without(c.hidden())
}

// without holds of what is shown, given what is hidden; nil: of everything.
func (c *consenting) without(hidden search.Expr) search.Expr {
	x := standing(neg(hidden))
	if !c.defaults.permits(c.asker) {
		x = conj(c.shown(), x)
	}
	if isAlways(x) {
		return nil
	}
	return x
}

// consenting is what there is to decide by about resources of types.
func (r *Rules) consenting(types []string, i smart.Interactions) *consenting {
	c := consenting{o: r.o, types: types, concerned: r.policies[0], defaults: &r.book.defaults, asker: &r.asker, creating: i == smart.Create}
	if len(types) == 0 {
		c.types = r.o.types
	}
	if i&(smart.Create|smart.Update|smart.Delete) != 0 {
		c.concerned = r.policies[1]
	}
	c.params, c.self = r.o.governing(c.types)
	c.sole = len(c.types) == 1 && r.o.sole(c.types[0])
	return &c
}

// standing is x, for which what a store makes of it is kept.
func standing(x search.Expr) search.Expr {
	if _, is := x.(search.Not); !is {
		return x
	}
	return search.Standing{X: x, Made: new(search.Made)}
}

// hidden holds of what belongs to a patient and is hidden.
func (c *consenting) hidden() search.Expr {
	hidden := c.decided(hides, c.last)
	if labels := c.defaults.sealed(c.asker); len(labels) > 0 && !c.creating {
		sealed := c.each(func(t string) search.Expr { return c.o.labelled(t, labels) })
		hidden = disj(hidden, conj(sealed, neg(c.opened())))
	}
	return hidden
}

// severally are the types of which a resource may belong to several patients.
var severally = []string{"Account", "Appointment", "Binary", "Schedule"}

// opened holds of sealed resources that every patient to whom they belong unseals.
func (c *consenting) opened() search.Expr {
	x := c.decided(unseals, 0)
	several := *c
	several.types = slices.DeleteFunc(slices.Clone(c.types), func(t string) bool { return !slices.Contains(severally, t) })
	if len(several.types) == 0 {
		return x
	}
	several.params, several.self = c.o.governing(several.types)
	g, ok := several.decided(unseals, 0).(search.Governed)
	if !ok {
		return x
	}
	g.Sole, g.Lacking = false, true
	if len(several.types) < len(c.types) {
		return conj(x, neg(conj(search.TypeIs(several.types), g)))
	}
	return conj(x, neg(g))
}

// shown holds of what consents show where the default shows nothing, and of what
// belongs to nobody.
func (c *consenting) shown() search.Expr {
	var nobodys search.TypeIs
	for _, t := range c.types {
		if classes[t] != owned {
			nobodys = append(nobodys, t)
		}
	}
	shown := never()
	if len(nobodys) == len(c.types) {
		return always()
	}
	if nobodys != nil {
		shown = nobodys
	}
	return disj(shown, c.decided(shows, 0))
}

// part is one of the things that a verdict says.
type part uint8

const (
	hides part = iota
	shows
	unseals
)

// of is what a verdict says.
func (p part) of(v verdict) search.Expr {
	switch p {
	case hides:
		return v.hides
	case shows:
		return v.shows
	}
	return v.unseals
}

// fewKinds are so many that their policies are counted up if nothing more is to be
// asked.
const fewKinds = 8

// decided holds of resources one of whose owners has a policy that says part of them,
// or one above after.
func (c *consenting) decided(p part, after int64) search.Expr {
	if len(c.params) == 0 && !c.self {
		return never()
	}
	// Where the default shows nothing, only what a patient shows is shown: of what belongs to
	// that one alone nothing more can be hidden.
	shared := p == hides && !c.defaults.permits(c.asker)
	key := decisionsKey{c.o, strings.Join(c.types, ","), p, c.creating, shared}
	types, o, creating := c.types, c.o, c.creating
	each := c.outcomes.decide(key, newShapes(func(of policy) search.Expr {
		x := o.each(types, func(t string) search.Expr {
			if shared && o.sole(t) {
				return never()
			}
			return p.of(o.verdict(of, t))
		})
		switch {
		case p == hides && creating && !isAlways(x):
			return never()
		case isHeavy(x) && p == hides:
			return always()
		case isHeavy(x):
			return never()
		}
		return x
	}).expr)
	var whole []int
	some := 0
	for _, kind := range c.present {
		asks := each.Asks(kind)
		if asks == search.Always {
			whole = append(whole, kind)
		}
		if asks != search.Never {
			some++
		}
	}
	if some == 0 {
		return never()
	}
	g := search.Governed{Params: c.params, Self: c.self, Sole: c.sole, After: after}
	if some > len(whole) || len(c.present) > fewKinds {
		g.Kinds, g.Each = c.kinds, each
		return g
	}
	numbers, kinds := c.kinds.All()
	for i, n := range numbers {
		if slices.Contains(whole, int(kinds[i])) {
			g.Policies = append(g.Policies, n)
		}
	}
	return g
}

// beside holds of what tells about something hidden, its Provenance and AuditEvent, and of
// the Binary that something hidden, or what tells about it, refers to.
func (c *consenting) beside(r *Rules, hidden search.Expr) search.Expr {
	var types search.TypeIs
	var params []search.Param
	for _, t := range c.types {
		switch {
		case classes[t] == about:
			types, params = append(types, t), append(params, c.o.params(t, []string{aboutCodes[t]})...)
		case t == binaryType && !c.creating:
			types = append(types, t)
		}
	}
	if types == nil || isNever(hidden) {
		return never()
	}
	x := search.Beside{Type: binaryType, Except: naming, X: hidden}
	x.About, x.Aside = r.telling()
	if params != nil {
		x.By = search.AnyOf(params)
	}
	if len(c.types) == len(types) {
		return x
	}
	return conj(types, x)
}

// telling are the references of what tells about others: to these, and to all else.
func (r *Rules) telling() (by, aside search.Param) {
	var told, rest []search.Param
	for _, t := range r.o.types {
		if classes[t] != about {
			continue
		}
		params := r.o.params(t, []string{aboutCodes[t]})
		told, rest = append(told, params...), append(rest, search.OtherReferenceOf(t))
		for _, c := range having(r.dictionary.catalogs, t) {
			for _, p := range c.Parameters(t) {
				if p.Kind == definitions.SearchReference && p.Of == "" && p.Problem == "" && !slices.Contains(params, p.Param) && !slices.Contains(rest, p.Param) {
					rest = append(rest, p.Param)
				}
			}
		}
	}
	return search.AnyOf(told), search.AnyOf(rest)
}

// naming are the parameters of what Consents say about resources: these do not go along
// with the Consent.
var naming = []search.Origin{{Type: "Consent", Code: "data"}, {Type: "Consent", Code: search.NamedReference}}

// findUnconsented holds of all that is hidden itself of what can belong to patients.
func (r *Rules) findUnconsented() search.Expr {
	if r.book == nil || r.asker.Exempt {
		return never()
	}
	var types []string
	for _, t := range r.o.types {
		if classes[t] == owned {
			types = append(types, t)
		}
	}
	c := r.consenting(types, seeing)
	hidden := c.hidden()
	if c.defaults.permits(c.asker) {
		return hidden
	}
	return conj(search.TypeIs(types), neg(conj(c.shown(), neg(hidden))))
}

func (c *consenting) each(of func(typeName string) search.Expr) search.Expr {
	return c.o.each(c.types, of)
}

// each joins what holds of resources of each type that belongs to patients.
func (o *Ownership) each(types []string, of func(typeName string) search.Expr) search.Expr {
	if len(types) == 1 {
		if classes[types[0]] != owned {
			return never()
		}
		return of(types[0])
	}
	x := o.join(types, func(t string) search.Expr {
		if classes[t] != owned {
			return never()
		}
		return o.general(of(t))
	})
	if x == nil {
		return always()
	}
	return x
}

// general asks for labels by the parameter of every type, so that types that are
// asked the same are asked together.
func (o *Ownership) general(x search.Expr) search.Expr {
	all, ok := o.catalogs[0].Param("", labelParam)
	if !ok {
		return x
	}
	return recast(x, func(p search.Param) search.Param {
		if p.Code == labelParam {
			return all
		}
		return p
	})
}
