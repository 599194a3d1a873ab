package sqldb

import (
	"slices"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
)

// ownersPolicy is the policy of the owner that a query names, 0 for none. As the process
// remembers it, it may have changed: each statement says which it is.
type ownersPolicy struct {
	id      string
	at      int64
	number  int64
	known   bool // number is
	changed bool // as a statement said
}

// ask takes the query apart.
func (r *run) ask(q *search.Query) {
	r.conjuncts = owned(conjuncts(q.Filter))
	r.about(r.conjuncts)
	if r.dialect.Lateral && r.trace == nil && slices.ContainsFunc(r.conjuncts, hasOwner) {
		r.settled = &settled{owner: new(ownersPolicy)}
	}
}

// hasOwner says whether x may have Governed nodes whose owner is known.
func hasOwner(x search.Expr) bool {
	switch x := x.(type) {
	case search.And:
		return slices.ContainsFunc(x, hasOwner)
	case search.Or:
		return slices.ContainsFunc(x, hasOwner)
	case search.Not:
		return hasOwner(x.X)
	case search.Standing:
		return x.Owner != ""
	case search.Governed:
		return x.Owner != ""
	}
	return false
}

// asking is a column of what the owner is that a statement was made for, as ownersOf reads
// it; it is empty when that does not matter.
func (r *run) asking() fragment {
	if r.settled == nil || r.settled.owner == nil || !r.settled.owner.known {
		return fragment{}
	}
	return r.ownerNow(r.settled.owner)
}

// ownerBeside asks for the owner where no row of a page said it: that there is none is what the
// policy asked for, if it is still the same. It may have been another one in between: nothing is shown by that.
func (r *run) ownerBeside(db DB) error {
	f := r.ownerNow(r.settled.owner)
	return ForEach(r.ctx, db, r.dialect.Rebind("SELECT "+f.sql), f.args, func(in Rows) error {
		var owner string
		if err := in.Scan(&owner); err != nil {
			return err
		}
		return r.said(owner)
	})
}

// said notes what a statement said of the owner.
func (r *run) said(text string) error {
	owners, err := ownersOf(text)
	if err != nil {
		return err
	}
	o := r.settled.owner
	o.changed = o.changed || policyOf(owners) != o.number
	r.marks = marksOf(owners)
	return nil
}

// policyOf is the policy of the one owner, 0 for none.
func policyOf(owners []owner) int64 {
	if len(owners) == 0 {
		return 0
	}
	return owners[0].policy
}

// count runs the statement of countSQL.
func (r *run) count(f fragment) (n int64, err error) {
	asking := r.asking()
	if asking.sql == "" {
		return count(r.ctx, r.db, r.dialect, f)
	}
	var owner string
	f = join("", sql("SELECT n.count, "), asking, sql(" FROM ("), f, sql(") n"))
	err = ForEach(r.ctx, r.db, r.dialect.Rebind(f.sql), f.args, func(in Rows) error { return in.Scan(&n, &owner) })
	if err == nil {
		err = r.said(owner)
	}
	return n, err
}

// ownerNowText is of whom the type, which is Patient, and the id are given, after the time twice.
var ownerNowText = "coalesce((" + ownerText("k.rid", nil).sql + " FROM resource k LEFT JOIN LATERAL " +
	new(compiler).lastSpan(search.Governed{}, "g", sql("k.rid")).sql + " ON true WHERE k.type = ? AND k.id = ?), '')"

// ownerNow is the text of the owner, empty when there is none.
func (c *compiler) ownerNow(o *ownersPolicy) fragment {
	return sql(ownerNowText, o.at, o.at, c.typeNumber("Patient"), Clean(o.id))
}

// recall finds the policy of an owner, in memory if it is there.
func (c *compiler) recall(o *ownersPolicy) error {
	o.known = true
	n, ok := c.policies.of(o.id)
	if !ok {
		return c.lookUp(o)
	}
	o.number = n
	return nil
}

// lookUp asks the database for the policy of an owner, and remembers it.
func (c *compiler) lookUp(o *ownersPolicy) error {
	f := c.ownerNow(o)
	var text string
	err := ForEach(c.ctx, short(c.db), c.dialect.Rebind("SELECT "+f.sql), f.args, func(r Rows) error { return r.Scan(&text) })
	if err != nil {
		return err
	}
	owners, err := ownersOf(text)
	if err == nil {
		o.number = policyOf(owners)
		c.policies.learn(o.id, o.number)
	}
	return err
}

// stale says whether what was found has to be asked for again, since the owner had
// another policy than the one that was recalled.
func (c *compiler) stale() (bool, error) {
	if c.settled == nil || c.settled.owner == nil || !c.settled.owner.changed {
		return false, nil
	}
	return true, c.lookUp(c.settled.owner)
}

// policyMemory is which policy patients had when they were last asked for. It is safe
// for concurrent use.
type policyMemory struct {
	mu sync.Mutex
	by map[string]int64
}

// maxOwners bounds the patients whose policy is remembered.
const maxOwners = 20_000

func (m *policyMemory) of(id string) (int64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.by[id]
	return n, ok
}

func (m *policyMemory) learn(id string, policy int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil || len(m.by) >= maxOwners {
		m.by = map[string]int64{}
	}
	m.by[id] = policy
}
