package sqldb

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
)

// Functions of databases that search no JSON: which condition counts of those that a
// statement has for policies, and a value in it. Both take the number of a policy and
// an argument of type *Choices; the second also the place of the value, from 0.
const (
	ConditionFunction = "ingle_condition"
	ValueFunction     = "ingle_value"
)

// Choices say of policies which condition of a statement counts, and with what values,
// so that the text of the statement does not grow with the policies. They do not
// change, and are safe for concurrent use.
type Choices struct {
	numbers []int64 // in rising order
	kinds   []int32 // of the numbers
	of      []choice
	age     int64 // of the names

	once  sync.Once
	whole string // text of all
	err   error
}

// choice is the condition of one kind of policies.
type choice struct {
	condition int64
	values    []any // int64 and string
	lasts     bool  // it holds of a version for good, or never
}

// Conditions that have no text.
const (
	holdsNever  = 1
	holdsAlways = 2
	firstOther  = 3
)

// Condition is the number of the one that counts for a policy, false if none does.
func (c *Choices) Condition(policy int64) (int64, bool) {
	one, ok := c.find(policy)
	return one.condition, ok
}

// Value is what stands at a place in the condition of a policy; nil if nothing does.
func (c *Choices) Value(policy, place int64) any {
	one, ok := c.find(policy)
	if !ok || place < 0 || place >= int64(len(one.values)) {
		return nil
	}
	return one.values[place]
}

func (c *Choices) find(policy int64) (choice, bool) {
	kind, ok := c.kind(policy)
	if !ok {
		return choice{}, false
	}
	return c.of[kind], true
}

func (c *Choices) kind(policy int64) (int32, bool) {
	i, ok := slices.BinarySearch(c.numbers, policy)
	if !ok {
		return 0, false
	}
	return c.kinds[i], true
}

// decidedKey is what the conditions of search.Decisions depend on besides.
type decidedKey struct {
	names  *Names
	row    string
	former bool
}

// decided are the conditions that kinds of policies come to: those whose texts are the
// same, whatever their values, are one.
type decided struct {
	mu         sync.Mutex
	age        int64 // of the names
	of         []choice
	conditions []*shared
	byText     map[string]int
	basis      // what the conditions of unsure kinds depend on
	unsure     []int
	momentary  []int // kinds whose conditions hold for now alone
	changes    int   // of all this
}

// shared is a condition of several kinds of policies.
type shared struct {
	number int64
	parts  []string // of the text, between its values
	values []any    // of the first kind
	differ []bool   // whether others have another one there
}

// decidedAliases is above the aliases of what is around the conditions.
const decidedAliases = 2 * standingAliases

// decided is that what the policy in row g of governed asks of resource r holds. from
// is what joins that row for it.
func (c *compiler) decided(x search.Governed, g, r string) (from, condition fragment) {
	t := c.decisions(x, r)
	t.mu.Lock()
	defer t.mu.Unlock()
	choices := t.choices(c, x, r)
	if choices == nil {
		return fragment{}, sql(nothing)
	}
	d := c.alias("d")
	after := sql(g+".policy > ?", afterwards(x.After))
	if !c.dialect.Numbered {
		return fragment{}, t.condition(byFunction{choices, g}, after)
	}
	w := written{choices, x.After, whoseOf(x, r)}
	if p := t.packedOf(x, decidedKey{c.names, r, c.former}, choices); p != nil && (len(p.bytes) <= fewBytes || !c.tells(w)) {
		return p.from(g, d), t.condition(inBytes{d, p}, after)
	}
	from = sql(" CROSS JOIN LATERAL (SELECT (SELECT ?::text::jsonb) -> "+g+".policy::text AS of OFFSET 0) "+d, w)
	condition = t.condition(inJSON{d}, sql(g+".policy > ?", later(w)))
	if !c.timeless {
		from, condition = c.write(from, x.Owner, x.At), c.write(condition, x.Owner, x.At)
	}
	return from, condition
}

// decisions are the conditions that are kept with x.
func (c *compiler) decisions(x search.Governed, r string) *decided {
	key := decidedKey{c.names, r, c.former}
	t, ok := x.Each.Made.Get(key).(*decided)
	if !ok {
		t = new(decided)
		x.Each.Made.Put(key, t)
	}
	return t
}

// choices are those among the conditions for x's policies; nil on an error. t.mu is held.
func (t *decided) choices(c *compiler, x search.Governed, r string) *Choices {
	choices := &Choices{}
	choices.numbers, choices.kinds = x.Kinds.All()
	most := -1
	for _, k := range choices.kinds {
		most = max(most, int(k))
	}
	if t.extend(c, x.Each, most, r); c.err != nil {
		t.byText = nil
		return nil
	}
	choices.of, choices.age = t.of[:most+1:most+1], t.age
	return choices
}

// afterwards is after, or above all numbers when there is none.
func afterwards(after int64) int64 {
	if after == 0 {
		return math.MaxInt64
	}
	return after
}

// extend makes the conditions of kinds up to most, and anew those that depend on what has
// changed.
func (t *decided) extend(c *compiler, each *search.Decisions, most int, r string) {
	if age := c.names.age.Load(); t.byText == nil || t.age != age {
		t.age, t.of, t.conditions, t.byText, t.unsure, t.momentary, t.basis = age, nil, nil, map[string]int{}, nil, nil, basis{}
		t.changes++
	}
	again := t.momentary
	t.momentary = nil
	if c.stands(t.basis) {
		c.add(t.basis)
	} else {
		again = append(again, t.unsure...)
		t.unsure, t.basis = nil, basis{}
	}
	copied := false
	for _, kind := range again {
		one := t.choice(c, each.Of(kind), kind, r)
		if reflect.DeepEqual(one, t.of[kind]) {
			continue
		}
		if !copied {
			t.of, copied = slices.Clone(t.of), true // others read it
		}
		t.of[kind] = one
		t.changes++
	}
	for len(t.of) <= most && c.err == nil {
		t.of = append(t.of, t.choice(c, each.Of(len(t.of)), len(t.of), r))
		t.changes++
	}
}

// choice is the condition of a kind of policies that ask for x.
func (t *decided) choice(c *compiler, x search.Expr, kind int, r string) choice {
	if and, ok := x.(search.And); ok && len(and) == 0 {
		return choice{condition: holdsAlways}
	}
	if or, ok := x.(search.Or); ok && len(or) == 0 {
		return choice{condition: holdsNever}
	}
	inner := *c
	inner.aliases, inner.basis, inner.momentary, inner.size, inner.trace, inner.settled, inner.sparing = decidedAliases, basis{}, false, nil, nil, nil, true
	f := inner.condition(x, r)
	c.fail(inner.err)
	c.add(inner.basis)
	c.momentary = c.momentary || inner.momentary
	sure := !inner.momentary && len(inner.unknown)+len(inner.listings) == 0
	switch {
	case inner.momentary:
		t.momentary = append(t.momentary, kind)
	case !sure:
		t.unsure = append(t.unsure, kind)
		t.add(inner.basis)
	}
	if f.sql == nothing {
		return choice{condition: holdsNever}
	}
	var text strings.Builder
	text.WriteString(f.sql)
	for i, a := range f.args {
		if n, ok := a.(int); ok {
			f.args[i] = int64(n)
		}
		switch a := f.args[i].(type) {
		case int64:
			text.WriteByte('i')
		case string:
			text.WriteByte('s')
		default:
			fmt.Fprintf(&text, " %T %v ", a, a)
		}
	}
	at, ok := t.byText[text.String()]
	if !ok {
		at = len(t.conditions)
		t.byText[text.String()] = at
		t.conditions = append(t.conditions, &shared{int64(at) + firstOther, strings.Split(f.sql, "?"), f.args, make([]bool, len(f.args))})
	}
	s := t.conditions[at]
	one := choice{s.number, f.args, sure && lasts(x)}
	for i, a := range f.args {
		s.differ[i] = s.differ[i] || !reflect.DeepEqual(a, s.values[i])
	}
	return one
}

// lasts says whether x holds of a version for good, or never: it asks only for what the
// version's own index has, by names that stay.
func lasts(x search.Expr) bool {
	differs := func(e search.Expr) bool { return !lasts(e) }
	switch x := x.(type) {
	case search.And:
		return !slices.ContainsFunc(x, differs)
	case search.Or:
		return !slices.ContainsFunc(x, differs)
	case search.Not:
		return lasts(x.X)
	case search.Date, search.Missing, search.Token:
		return true
	}
	return false
}

// told is how a statement learns of the policy in a row which condition counts, and
// the values in it.
type told interface {
	condition() fragment
	// value is what stands at a place of a condition.
	value(s *shared, place int, isText bool) fragment
}

// condition chooses among the conditions; after counts for policies of no kind.
func (t *decided) condition(by told, after fragment) fragment {
	memory, noting := by.(fromMemory)
	parts := []fragment{sql("CASE "), by.condition(), sql(" WHEN " + strconv.Itoa(holdsNever) + " THEN " + nothing + " WHEN " + strconv.Itoa(holdsAlways) + " THEN " + always)}
	for _, s := range t.conditions {
		one := s.with(by)
		if noting {
			one = memory.noted(one)
		}
		parts = append(parts, sql(" WHEN "+strconv.FormatInt(s.number, 10)+" THEN "), one)
	}
	return join("", append(parts, sql(" ELSE "), after, sql(" END"))...)
}

// with is the condition with the values that the policy of a row has.
func (s *shared) with(by told) fragment {
	parts := []fragment{sql(s.parts[0])}
	for i, v := range s.values {
		n, isNumber := v.(int64)
		one := sql("?", v)
		switch {
		case s.differ[i]:
			one = by.value(s, i, !isNumber)
		case isNumber:
			one = sql(strconv.FormatInt(n, 10))
		}
		parts = append(parts, one, sql(s.parts[i+1]))
	}
	return join("", parts...)
}

// byFunction asks the functions of this package about row g.
type byFunction struct {
	choices *Choices
	g       string
}

func (f byFunction) condition() fragment {
	return sql(ConditionFunction+"("+f.g+".policy, ?)", f.choices)
}

func (f byFunction) value(_ *shared, place int, _ bool) fragment {
	return sql(ValueFunction+"("+f.g+".policy, ?, "+strconv.Itoa(place)+")", f.choices)
}

// inJSON looks into the array that row d has of the policy.
type inJSON struct{ d string }

func (j inJSON) condition() fragment { return sql("(" + j.d + ".of ->> 0)::bigint") }

func (j inJSON) value(_ *shared, place int, isText bool) fragment {
	value := "(" + j.d + ".of ->> " + strconv.Itoa(place+1) + ")"
	if !isText {
		value += "::bigint"
	}
	return sql(value)
}
