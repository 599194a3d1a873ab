package sqldb

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// settled is for queries all of whose resources belong to owners whose policies are
// known: what governs a resource becomes what those policies ask, so that the database
// looks up none and is told of no others.
type settled struct {
	policies []int64           // in force
	nodes    []search.Governed // that were settled
	owner    *ownersPolicy     // nil: the owners are those of the one resource of the query
}

// unsettled stands for the condition of a Governed node until the policies are known.
type unsettled struct{ x search.Governed }

// settles says whether the condition of x on row r is made of known policies.
func (c *compiler) settles(x search.Governed, r string) bool {
	return c.settled != nil && r == row && !c.former && !x.Lacking && (c.settled.owner == nil || x.Owner != "")
}

// fill puts conditions in place of what is unsettled in f.
func (c *compiler) fill(f fragment, owner string, at int64) fragment {
	is := func(a any) bool {
		_, is := a.(unsettled)
		return is
	}
	if c.settled == nil || !slices.ContainsFunc(f.args, is) {
		return f
	}
	var parts []fragment
	text, from, begun := f.sql, 0, 0
	for i, a := range f.args {
		place := begun + strings.IndexByte(text[begun:], '?')
		begun = place + 1
		u, is := a.(unsettled)
		if !is {
			continue
		}
		u.x.Owner, u.x.At = owner, at
		parts = append(parts, fragment{text[:place], f.args[from:i]}, c.settle(u.x))
		text, from, begun = text[begun:], i+1, 0
	}
	return join("", append(parts, fragment{text, f.args[from:]})...)
}

// settle is what the known policies ask.
func (c *compiler) settle(x search.Governed) fragment {
	c.settled.nodes = append(c.settled.nodes, x)
	return c.asks(x, c.inForceFor(x.Owner, x.At))
}

// inForceFor are the known policies, of an owner at a time.
func (c *compiler) inForceFor(owner string, at int64) []int64 {
	s := c.settled
	if s.owner != nil && !s.owner.known {
		s.owner.id, s.owner.at = owner, at
		c.fail(c.recall(s.owner))
		if s.owner.number != 0 {
			s.policies = []int64{s.owner.number}
		}
	}
	return s.policies
}

// asks is what one of policies asks of the row.
func (c *compiler) asks(x search.Governed, policies []int64) fragment {
	var ways []fragment
	for _, n := range policies {
		if f := c.asksOne(x, n); f.sql != nothing {
			ways = append(ways, f)
		}
	}
	return either(ways...)
}

// asksOne is what a policy asks of the row.
func (c *compiler) asksOne(x search.Governed, policy int64) fragment {
	if x.Kinds != nil {
		if kind, ok := x.Kinds.Of(policy); ok {
			return c.asksKind(x, kind)
		}
	} else if _, is := slices.BinarySearch(x.Policies, policy); is {
		return sql(always)
	}
	if policy > afterwards(x.After) {
		return sql(always)
	}
	return sql(nothing)
}

// asksKind is what a policy of a kind asks: of what few resources have, such as a label, these are
// looked up once.
func (c *compiler) asksKind(x search.Governed, kind int) fragment {
	if set, ok := c.fewOf(x.Each.Of(kind)); ok {
		return isIn(row, set)
	}
	t := c.decisions(x, row)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.extend(c, x.Each, kind, row); c.err != nil {
		t.byText = nil
		return sql(nothing)
	}
	switch one := t.of[kind]; one.condition {
	case holdsNever:
		return sql(nothing)
	case holdsAlways:
		return sql(always)
	default:
		return t.conditions[one.condition-firstOther].with(values(one.values))
	}
}

// values are those of one policy alone.
type values []any

func (values) condition() fragment { return fragment{} }

func (v values) value(_ *shared, place int, _ bool) fragment { return sql("?", v[place]) }

// knows says whose policies are known.
func (c *compiler) knows() whose {
	switch {
	case c.settled == nil:
		return anybodys
	case c.settled.owner == nil:
		return rows
	}
	return owners
}
