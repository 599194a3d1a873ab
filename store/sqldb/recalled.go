package sqldb

import (
	"slices"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
)

// ownersPolicy is the policy of the owner that a query names, 0 for none. As the process
// remembers it, it may have changed: each statement says whether it has.
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

// asking says as h.held whether the owner's policy is still the one that a statement was
// made for; it is empty when that does not matter.
func (r *run) asking() fragment {
	if r.settled == nil || r.settled.owner == nil || !r.settled.owner.known {
		return fragment{}
	}
	return join("", sql("(SELECT CASE WHEN "), r.unchangedPolicy(r.settled.owner), sql(" THEN 1 ELSE 0 END::bigint AS held OFFSET 0) h"))
}

// withHeld puts h.held beside each row of a statement of a page, given as what stands before and
// behind the text of page. Where there are no rows it has one, of rid 0.
func withHeld(asking fragment, before, behind string, keys []sortKey) (string, string) {
	columns := "coalesce(q.rid, 0), coalesce(q.type, 0), coalesce(q.id, '')"
	for i := range keys {
		columns += ", q." + keyColumn(i)
	}
	return "SELECT " + columns + ", coalesce(q.seq, 0), coalesce(q.version, 0), coalesce(q.updated, 0), coalesce(q.origin, 0), coalesce(q.deleted, 0), q.body, h.held FROM " +
		asking.sql + " LEFT JOIN (" + before, behind + ") q ON true"
}

// said notes what a statement said.
func (r *run) said(held int64) { r.settled.owner.changed = r.settled.owner.changed || held == 0 }

// count runs the statement of countSQL.
func (r *run) count(f fragment) (n int64, err error) {
	asking := r.asking()
	if asking.sql == "" {
		return count(r.ctx, r.db, r.dialect, f)
	}
	var held int64
	f = join("", sql("SELECT n.count, h.held FROM "), asking, sql(" CROSS JOIN ("), f, sql(") n"))
	err = ForEach(r.ctx, r.db, r.dialect.Rebind(f.sql), f.args, func(in Rows) error { return in.Scan(&n, &held) })
	r.said(held)
	return n, err
}

// policyNow is the policy that the owner has, 0 for none.
func (c *compiler) policyNow(o *ownersPolicy) fragment {
	return sql("coalesce((SELECT CASE WHEN g.until > ? THEN g.policy END FROM governed g WHERE g.patient = (SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?) AND g.lo <= ? ORDER BY g.lo DESC LIMIT 1), 0)",
		o.at, c.typeNumber("Patient"), Clean(o.id), o.at)
}

// unchangedPolicy is that the owner still has the policy that is known.
func (c *compiler) unchangedPolicy(o *ownersPolicy) fragment {
	return join("", c.policyNow(o), sql(" = ?", o.number))
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
	f := c.policyNow(o)
	err := ForEach(c.ctx, short(c.db), c.dialect.Rebind("SELECT ("+f.sql+")::bigint"), f.args, func(r Rows) error { return r.Scan(&o.number) })
	if err == nil {
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
