package access

import (
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/smart"
)

// maxGroups bounds the different things that the consents of patients come to for
// one asker: what is beyond is hidden.
const maxGroups = 200

// consenting is what consents and defaults make of the resources of some types.
type consenting struct {
	o        *Ownership
	types    []string
	params   []search.Param // by which they belong to patients
	self     bool           // a Patient belongs to the patient
	sole     bool           // none belongs to several
	groups   []group
	last     int64
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
	c := consenting{o: r.o, types: types, defaults: &r.book.defaults, asker: &r.asker, creating: i == smart.Create}
	if len(types) == 0 {
		c.types = r.o.types
	}
	c.groups, c.last = r.policies[0].groups, r.policies[0].last
	if i&(smart.Create|smart.Update|smart.Delete) != 0 {
		c.groups, c.last = r.policies[1].groups, r.policies[1].last
	}
	c.params, c.self = r.o.governing(c.types)
	c.sole = len(c.types) == 1 && r.o.sole(c.types[0])
	hidden := c.hidden()
	if x := c.beside(r); !isNever(x) {
		hidden = disj(hidden, x)
	}
	if slices.Contains(c.types, binaryType) && !c.creating {
		hidden = disj(hidden, conj(ofType(c.types, binaryType), r.attached()))
	}
	x := standing(neg(hidden))
	if !c.defaults.permits(c.asker) {
		x = conj(c.shown(), x)
	}
	if isAlways(x) {
		return nil
	}
	return x
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
	var hiding []branch
	var opens []opening
	for i := range c.groups {
		g := &c.groups[i]
		if i >= maxGroups {
			hiding = append(hiding, branch{always(), g.numbers})
			continue
		}
		hides := c.each(func(t string) search.Expr {
			x := c.o.verdict(g.policy, t).hides
			if c.creating && !isAlways(x) {
				return never()
			}
			return x
		})
		hiding = append(hiding, branch{hides, g.numbers})
		unseals := c.each(func(t string) search.Expr { return c.o.verdict(g.policy, t).unseals })
		if !isNever(unseals) {
			opens = open(opens, unseals, g.numbers)
		}
	}
	hidden := c.ofBranches(hiding, c.last)
	if labels := c.defaults.sealed(c.asker); len(labels) > 0 && !c.creating {
		sealed := c.each(func(t string) search.Expr { return c.o.labelled(t, labels) })
		hidden = disj(hidden, conj(sealed, neg(c.opened(opens))))
	}
	return hidden
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
	var showing []branch
	for i := range c.groups[:min(len(c.groups), maxGroups)] {
		g := &c.groups[i]
		showing = append(showing, branch{c.each(func(t string) search.Expr { return c.o.verdict(g.policy, t).shows }), g.numbers})
	}
	return disj(shown, c.ofBranches(showing, 0))
}

// branch is what holds of resources whose owners have one of some policies.
type branch struct {
	x       search.Expr
	numbers []int64
}

// ofBranches holds where one of branches does. Those that hold of everything are one.
func (c *consenting) ofBranches(all []branch, after int64) search.Expr {
	var whole []int64
	var some []branch
	for _, b := range all {
		switch {
		case isAlways(b.x):
			whole = append(whole, b.numbers...)
		case !isNever(b.x):
			some = append(some, b)
		}
	}
	if whole == nil {
		return c.tree(some, after)
	}
	slices.Sort(whole)
	return disj(c.governed(whole, after), c.tree(some, after))
}

// tree asks of many branches whether the owner's policy is in one half, and then in
// which, so that what belongs to one patient is asked about few of them.
func (c *consenting) tree(all []branch, after int64) search.Expr {
	if len(all) <= 2 {
		any := never()
		for _, b := range all {
			any = disj(any, conj(b.x, c.governed(b.numbers, after)))
		}
		return any
	}
	var numbers []int64
	for _, b := range all {
		numbers = append(numbers, b.numbers...)
	}
	slices.Sort(numbers)
	half := len(all) / 2
	return conj(c.governed(numbers, after), disj(c.tree(all[:half], after), c.tree(all[half:], after)))
}

// beside holds of what tells about something hidden: its Provenance, its AuditEvent.
func (c *consenting) beside(r *Rules) search.Expr {
	any := never()
	for _, t := range c.types {
		if classes[t] != about {
			continue
		}
		all := r.unconsented()
		if isNever(all) {
			return any
		}
		for _, p := range c.o.params(t, []string{aboutCodes[t]}) {
			any = disj(any, conj(ofType(c.types, t), search.Chain{Param: p, X: all}))
		}
	}
	return any
}

// ofType holds of the resources of one of types.
func ofType(types []string, one string) search.Expr {
	if len(types) == 1 {
		return always()
	}
	return search.TypeIs{one}
}

// documents are the types that attach what a Binary holds.
var documents = []string{"DiagnosticReport", "DocumentReference", "Media"}

// attached holds of what a document refers to that is hidden: the Binary of a labelled
// DocumentReference goes with it.
func (r *Rules) attached() search.Expr {
	var types search.TypeIs
	for _, t := range documents {
		if slices.Contains(r.o.types, t) {
			types = append(types, t)
		}
	}
	x := r.consented(types, seeing)
	if x == nil || types == nil {
		return never()
	}
	return search.Referred{X: conj(types, neg(x))}
}

// findUnconsented holds of all that is hidden of what can belong to patients.
func (r *Rules) findUnconsented() search.Expr {
	var types []string
	for _, t := range r.o.types {
		if classes[t] == owned {
			types = append(types, t)
		}
	}
	x := r.consented(types, seeing)
	switch {
	case x == nil:
		return never()
	case !r.book.defaults.permits(&r.asker): // x holds of what is shown, of these types
		return conj(search.TypeIs(types), neg(x))
	}
	return neg(x)
}

func (c *consenting) governed(numbers []int64, after int64) search.Expr {
	if len(c.params) == 0 && !c.self {
		return never()
	}
	return search.Governed{Params: c.params, Self: c.self, Sole: c.sole, Policies: numbers, After: after}
}

// each joins what holds of resources of each type that belongs to patients.
func (c *consenting) each(of func(typeName string) search.Expr) search.Expr {
	if len(c.types) == 1 {
		if classes[c.types[0]] != owned {
			return never()
		}
		return of(c.types[0])
	}
	x := c.o.join(c.types, func(t string) search.Expr {
		if classes[t] != owned {
			return never()
		}
		return c.o.general(of(t))
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
