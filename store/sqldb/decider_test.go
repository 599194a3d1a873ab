package sqldb

import (
	"testing"

	"github.com/inglehealth/ingle/engine/search"
)

// newDecider decides for whom the policies 1 and 2 are of the kinds 0 and 1, about version 7
// of the patient 5, who has policy 1. Conditions of kind 0 last, those of kind 1 do not.
func newDecider() *Decider {
	g := (&Governing{pages: map[int64][]Span{}, owners: newBelonging()}).With(3, []int64{5}, []Span{{Patient: 5, Until: 10, Policy: 1}}, false)
	return &Decider{
		governing: g, names: NewNames(SQLite), after: afterwards(0),
		owners: g.owners.under("1"), verdicts: g.owners.under(new(decided)),
		choices: &Choices{numbers: []int64{1, 2}, kinds: []int32{0, 1}, of: []choice{{firstOther, nil, true}, {firstOther + 1, nil, false}}},
	}
}

func (d *Decider) condition(t *testing.T, generation int64) int64 {
	t.Helper()
	condition, ok := d.Decided(7, generation)
	if !ok {
		condition = d.Learned(7, generation, 5, 5)
	}
	return condition
}

func TestWhatAConditionComesToIsRemembered(t *testing.T) {
	for _, holds := range []bool{true, false} {
		d := newDecider()
		if got := d.condition(t, 3); got != firstOther {
			t.Fatalf("condition %d at first", got)
		}
		d.Noted(7, holds)
		want := int64(holdsNever)
		if holds {
			want = holdsAlways
		}
		if got := d.condition(t, 3); got != want {
			t.Errorf("condition %d of what holds: %v", got, holds)
		}
		if got := d.condition(t, 4); got != inTheTables {
			t.Errorf("condition %d when the tables have changed", got)
		}
		d.choices.kinds = []int32{1, 1}
		if got := d.condition(t, 3); got != firstOther+1 {
			t.Errorf("condition %d of another kind", got)
		}
		if d.Noted(7, holds); d.condition(t, 3) != firstOther+1 {
			t.Error("a condition that may come to something else is remembered")
		}
	}
}

func TestWhatWasAskedByANameThatIsNoMoreIsNotRemembered(t *testing.T) {
	d := newDecider()
	d.condition(t, 3)
	d.names.Add(SystemSpace, "s", 9)
	d.names.Forget(SystemSpace, "s")
	if d.Noted(7, false); d.condition(t, 3) != firstOther {
		t.Error("it is")
	}
}

func TestWhatIsNotAskedOfAVersionAloneDoesNotLast(t *testing.T) {
	token, date := search.Token{Code: "c"}, search.Date{}
	for _, x := range []search.Expr{token, date, search.Missing{}, search.And{token, search.Or{date, search.Not{X: token}}}} {
		if !lasts(x) {
			t.Errorf("%#v does not last", x)
		}
	}
	chain := search.Chain{X: token}
	for _, x := range []search.Expr{chain, search.Codes{}, search.Reference{}, search.Governed{}, search.IDs{"a"}, search.And{token, chain}, search.Or{chain}, search.Not{X: chain}} {
		if lasts(x) {
			t.Errorf("%#v lasts", x)
		}
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	b := newBelonging()
	v := b.under("a")
	for i := range int64(2 * maxRemembered / (8 * versionsPerPage)) {
		v.set(i*versionsPerPage+i%versionsPerPage, i+1)
	}
	if b.bytes > maxRemembered {
		t.Errorf("%d bytes are remembered", b.bytes)
	}
	if b.under("a") == v {
		t.Error("nothing was forgotten")
	}
	if got := v.get(3*versionsPerPage + 3); got != 4 {
		t.Errorf("%d is found by who goes on with it", got)
	}
}
