package sqldb

import (
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
)

// Functions of databases that have Governing in memory. The first two say which
// condition counts for a resource, by the number of its version (or its own, if it is
// whom policies are of) and an argument of type *Decider; then comes the state of the
// counter GoverningName. The first gives NULL when the owner is not known, whom the
// second is told, as the least and the greatest of all. The third gives the value at a place of
// that condition; the fourth is told, and gives, whether that holds.
const (
	DecidedFunction = "ingle_decided"
	LearnedFunction = "ingle_learned"
	KnownFunction   = "ingle_known"
	NotedFunction   = "ingle_noted"
)

// GoverningDB is a DB that has Governing in memory.
type GoverningDB interface {
	DB
	// Governing is as new as what a query that begins afterwards sees, or older; nil
	// when there is none.
	Governing() (*Governing, error)
}

// Decider decides for one statement, which runs once at a time.
type Decider struct {
	governing *Governing
	choices   *Choices
	owners    *versions // nil: the resource itself is whom policies are of
	verdicts  *versions // whether conditions that last hold
	names     *Names
	at, after int64

	seq  int64 // of whom the condition is asked
	kind int32 // that it is of
}

// What is known of an owner but the rid.
const (
	unknownOwner = 0
	nobody       = -1
	severalOwn   = -2
)

// verdict is that the condition of a kind holds, or that it does not.
func verdict(kind int32, holds bool) int64 {
	if holds {
		return int64(kind)<<1 + 3
	}
	return int64(kind)<<1 + 2
}

// inTheTables is no condition: whoever decides looks into the tables.
const inTheTables = 0

// Decided is DecidedFunction; ok is false for NULL.
func (d *Decider) Decided(seq, generation int64) (condition int64, ok bool) {
	if generation != d.governing.generation || seq <= 0 {
		return inTheTables, true
	}
	if d.owners == nil {
		return d.of(seq, seq), true
	}
	owner := d.owners.get(seq)
	if owner == unknownOwner {
		return 0, false
	}
	return d.of(seq, owner), true
}

// Learned is LearnedFunction; most is 0 when nobody owns the resource.
func (d *Decider) Learned(seq, generation, least, most int64) int64 {
	if generation != d.governing.generation || seq <= 0 {
		return inTheTables
	}
	owner := most
	switch {
	case most == 0:
		owner = nobody
	case least != most:
		owner = severalOwn
	}
	d.owners.set(seq, owner)
	return d.of(seq, owner)
}

// of is the condition for what an owner has.
func (d *Decider) of(seq, owner int64) int64 {
	switch owner {
	case severalOwn:
		return inTheTables
	case nobody:
		return holdsNever
	}
	policy := d.governing.policy(owner, d.at)
	if policy == 0 {
		return holdsNever
	}
	kind, ok := d.choices.kind(policy)
	switch {
	case ok:
		return d.ofKind(seq, kind)
	case policy > d.after:
		return holdsAlways
	}
	return holdsNever
}

// ofKind is the condition of a kind, or whether it holds where that is known.
func (d *Decider) ofKind(seq int64, kind int32) int64 {
	one := &d.choices.of[kind]
	if one.lasts && d.owners != nil {
		switch d.verdicts.get(seq) {
		case verdict(kind, true):
			return holdsAlways
		case verdict(kind, false):
			return holdsNever
		}
	}
	d.seq, d.kind = seq, kind
	return one.condition
}

// Known is KnownFunction; ok is false when it was not Decided before.
func (d *Decider) Known(seq, place int64) (value any, ok bool) {
	if seq != d.seq || place < 0 {
		return nil, false
	}
	values := d.choices.of[d.kind].values
	if place >= int64(len(values)) {
		return nil, false
	}
	return values[place], true
}

// Noted is NotedFunction. What was asked with a name that was rolled back is not
// remembered.
func (d *Decider) Noted(seq int64, holds bool) {
	if seq == d.seq && d.owners != nil && d.choices.of[d.kind].lasts && d.names.age.Load() == d.choices.age {
		d.verdicts.set(seq, verdict(d.kind, holds))
	}
}

// deciding stands for the argument of type *Decider until the statement runs.
type deciding struct {
	choices *Choices
	of      *decided // whose the choices are
	params  string   // "": the resource itself is whom policies are of, or the owner who is known
	owner   bool     // who is known
	after   int64
}

func (d deciding) decider(c *compiler, at int64) *Decider {
	g := c.memory()
	decider := &Decider{governing: g, choices: d.choices, names: c.names, at: at, after: afterwards(d.after)}
	if d.params != "" {
		decider.owners, decider.verdicts = g.owners.under(d.params), g.owners.under(d.of)
	}
	return decider
}

// fewConditions stand in a statement twice: for what is decided in memory, and for
// the tables.
const fewConditions = 32

// memory is what the database has in memory, nil when that is nothing.
func (c *compiler) memory() *Governing {
	if !c.looked {
		c.looked = true
		if db, ok := c.db.(GoverningDB); ok {
			var err error
			c.governing, err = db.Governing()
			c.fail(err)
		}
	}
	return c.governing
}

// inMemory is that what governs resource r holds, as tables says of the tables; ok is
// false when only these say it.
func (c *compiler) inMemory(x search.Governed, r string, tables fragment) (condition fragment, ok bool) {
	oneself := x.Self && len(x.Params) == 0
	if c.former || x.Kinds == nil || x.Self != oneself || !x.Sole && !oneself || c.memory() == nil {
		return fragment{}, false
	}
	by := fromMemory{deciding: deciding{after: x.After}, whose: sql(r + ".rid"), r: r}
	if !oneself {
		by.whose, by.params = sql(r+".seq"), numberList(c.ownerParams(x))
	}
	t := c.decisions(x, r)
	t.mu.Lock()
	defer t.mu.Unlock()
	by.choices, by.of = t.choices(c, x, r), t
	if by.choices == nil || len(t.conditions) > fewConditions || by.params == "" && !oneself {
		return fragment{}, false
	}
	f := t.condition(by, tables)
	if x.Owner != "" {
		f = c.byOwner(x, by, f)
	}
	if !c.timeless {
		f = c.write(f, x.Owner, x.At)
	}
	return f, true
}

// byOwner is f where the policy of an owner who is known asks something of each resource. The
// database asks for the owner once a statement, since nothing in that depends on a row.
func (c *compiler) byOwner(x search.Governed, by fromMemory, f fragment) fragment {
	by.params, by.owner, by.whose = "", true, join("", sql("coalesce("), c.ownerRow(x), sql(", 0)"))
	return join("", sql("CASE (SELECT "), by.condition(), sql(") WHEN "+strconv.Itoa(holdsNever)+" THEN "+nothing+" WHEN "+strconv.Itoa(holdsAlways)+" THEN "+always+" ELSE "), f, sql(" END"))
}

// fromMemory asks the functions of this package about resource r.
type fromMemory struct {
	deciding
	whose fragment // number of whom is asked
	r     string
}

func (m fromMemory) condition() fragment {
	const generation = "(SELECT n.value FROM counter n WHERE n.name = '" + GoverningName + "')"
	decided := m.ask(DecidedFunction, ", "+generation)
	if m.params == "" {
		return decided
	}
	owner := func(which string) string {
		return "(SELECT " + which + "(o.target) FROM reference o INDEXED BY reference_rid WHERE o.rid = " + m.r + ".rid AND o.param IN (" + m.params + "))"
	}
	return join("", sql("coalesce("), decided, sql(", "), m.ask(LearnedFunction, ", "+generation+", "+owner("min")+", "+owner("max")), sql(")"))
}

// ask calls a function of the Decider, with further arguments.
func (m fromMemory) ask(function, arguments string) fragment {
	return join("", sql(function+"("), m.whose, sql(", ?"+arguments+")", m.deciding))
}

func (m fromMemory) value(_ *shared, place int, _ bool) fragment {
	return m.ask(KnownFunction, ", "+strconv.Itoa(place))
}

// noted is a condition of which it is remembered whether it holds.
func (m fromMemory) noted(f fragment) fragment {
	if m.params == "" {
		return f
	}
	return join("", sql(NotedFunction+"("), m.whose, sql(", ?, ", m.deciding), f, sql(")"))
}
