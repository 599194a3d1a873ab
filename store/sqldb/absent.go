package sqldb

import (
	"slices"

	"github.com/inglehealth/ingle/engine/search"
)

// absent notes a name that had no number when a query was made: nothing was indexed
// by it.
func (c *compiler) absent(space Space, text string, id int64) int64 {
	if id == Unknown {
		c.lack(name{space, text})
	}
	return id
}

// learned says whether one of the names that had no number has one now, a listing
// others, or a name was rolled back. What was left out because of it may have been missed
// then, or shown: the query runs again. It is asked of what a database has before the rows
// that use it are committed, and of the database itself where other processes make names, too.
func (c *compiler) learned() (bool, error) {
	if c.names.age.Load() != c.age {
		return true, c.err
	}
	c.seen = newSightings()
	return !c.stands(c.basis), c.err
}

func (c *compiler) anyKnown(unknown []name) bool {
	return slices.ContainsFunc(unknown, func(n name) bool {
		id, _, _ := c.names.look(n.space, n.text)
		return id != Unknown
	})
}

// none says whether x holds of nothing, since nothing is indexed by what it asks for.
func (c *compiler) none(x search.Expr) bool {
	switch x := x.(type) {
	case search.Or:
		return !slices.ContainsFunc(x, func(e search.Expr) bool { return !c.none(e) })
	case search.And:
		return slices.ContainsFunc(x, c.none)
	case search.Chain:
		was := c.former
		c.former = x.Former.Counts(was)
		none := c.none(x.X)
		c.former = was
		return none
	case search.Token:
		return !x.AnySystem && x.System != "" && c.system(x.System) == Unknown ||
			!slices.ContainsFunc(c.params(x.Param), func(id int64) bool { return id != Unknown })
	case search.Governed:
		return len(x.Policies) == 0 && x.Kinds == nil && x.After == 0 && !x.Lacking
	}
	return false
}
