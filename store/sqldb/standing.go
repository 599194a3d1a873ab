package sqldb

import (
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/search"
)

// madeKey is what a condition made of a search.Standing depends on besides: the
// names of a database, the alias of the resource's row, whether sizes count, the
// query names resources, and Governing is in memory, whose policies are known, and by
// what the resource refers to an owner that is known.
type madeKey struct {
	names *Names
	row   string
	sized bool
	named bool
	held  bool
	of    whose
	by    search.Param
}

// made is a condition with moment in place of the time and someone of the owner, made
// when the names were of an age.
type made struct {
	fragment
	age int64
	at  time.Time
	basis
	momentary bool
}

// moment is an argument in place of the time of a search.Standing, someone in place of
// its owner's id.
type (
	moment  struct{}
	someone struct{}
)

// standingAliases is above all other aliases of a query.
const standingAliases = 1_000_000

// standing is the condition of x, made anew when what it was made by has changed.
// Sizes are as old as estimates may be. One in another is a part of that.
func (c *compiler) standing(x search.Standing, r string) fragment {
	if c.trace != nil || x.Made == nil || c.timeless || c.former {
		return c.anew(x, r)
	}
	if f, ok := c.unlabelled(x, r); ok {
		return f
	}
	sized := c.size != nil
	m := c.kept(x.Made, madeKey{c.names, r, sized, len(c.ids) > 0, c.memory() != nil, c.knows(), x.By}, sized, func() *made { return c.make(x, r) })
	args := slices.Clone(m.args)
	for i, a := range args {
		switch a.(type) {
		case moment:
			args[i] = x.At
		case someone:
			args[i] = Clean(x.Owner)
		}
	}
	return c.write(fragment{m.sql, args}, x.Owner, x.At)
}

// anew is the condition of x, of which nothing is kept.
func (c *compiler) anew(x search.Standing, r string) fragment {
	return c.condition(search.Owned(search.At(x.X, x.At), x.By, x.Owner), r)
}

// kept is what is kept under key with by, made anew when what it was made by has changed.
func (c *compiler) kept(by *search.Made, key any, sized bool, anew func() *made) *made {
	m, ok := by.Get(key).(*made)
	if !ok || m.age != c.names.age.Load() || sized && time.Since(m.at) > estimateAge || !c.stands(m.basis) {
		if m = anew(); !m.momentary {
			by.Put(key, m)
		}
	}
	c.add(m.basis)
	c.momentary = c.momentary || m.momentary
	return m
}

// make makes the condition of x at any time and of any owner.
func (c *compiler) make(x search.Standing, r string) *made {
	return c.making(func(inner *compiler) fragment { return inner.condition(search.Owned(x.X, x.By, x.Owner), r) })
}

// making makes a condition at any time. One that is momentary holds for now alone.
func (c *compiler) making(condition func(inner *compiler) fragment) *made {
	inner := *c
	inner.aliases, inner.basis, inner.momentary, inner.timeless = standingAliases, basis{}, false, true
	m := &made{age: c.names.age.Load(), at: time.Now()}
	m.fragment = condition(&inner)
	c.fail(inner.err)
	m.args, m.basis, m.momentary = slices.Clip(m.args), inner.basis, inner.momentary || inner.err != nil
	return m
}

// when is the time of a search.Governed, or what stands for it.
func (c *compiler) when(x search.Governed) any {
	if c.timeless {
		return moment{}
	}
	return x.At
}

// owner is the id of the owner of a search.Governed, or what stands for it.
func (c *compiler) owner(x search.Governed) any {
	if c.timeless {
		return someone{}
	}
	return Clean(x.Owner)
}

// owned are conjuncts of which those that ask what governs a resource know whose it
// is, if another one says so.
func owned(conjuncts []search.Expr) []search.Expr {
	for i, x := range conjuncts {
		whose, ok := x.(search.Reference)
		if !ok || whose.Type != "Patient" || whose.URL != "" {
			continue
		}
		for j, other := range conjuncts {
			if j != i {
				conjuncts[j] = search.Owned(other, whose.Param, whose.ID)
			}
		}
		return conjuncts
	}
	return conjuncts
}
