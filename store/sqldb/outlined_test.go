package sqldb

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/engine/search"
)

func TestOutlinesTellOfLabelsAlone(t *testing.T) {
	token := func(typ, param, code string) search.Token {
		return search.Token{Param: search.Param{Type: typ, Code: param}, System: "s", Code: code}
	}
	by := search.Param{Type: "Observation", Code: "encounter"}
	chain := func(x search.Expr) search.Chain { return search.Chain{Param: by, Target: "Encounter", X: x} }
	for _, c := range []struct {
		x      search.Expr
		own    []search.Param
		chains int
		rest   int // tokens
	}{
		{token("Observation", "code", "a"), nil, 0, 1},
		{search.Or{token("Observation", labelParam, "a"), token("Observation", labelParam, "b")}, []search.Param{{Type: "Observation", Code: labelParam}}, 0, 0},
		{search.Or{token("Observation", labelParam, "a"), token("Observation", "code", "a")}, []search.Param{{Type: "Observation", Code: labelParam}}, 0, 1},
		{chain(token("Encounter", labelParam, "a")), nil, 1, 0},
		{chain(token("Encounter", "class", "a")), nil, 0, 1},
		{search.And{chain(token("Encounter", labelParam, "a")), chain(token("Encounter", "class", "a"))}, nil, 0, 2}, // of one chain
	} {
		var all leaves
		all.add(c.x)
		of, rest := outlined(&all)
		if diff := cmp.Diff(c.own, of.own, cmp.AllowUnexported(search.Param{})); diff != "" || len(of.chains) != c.chains || rest.count != c.rest {
			t.Errorf("%v: %s, %d chains, %d other tokens", c.x, diff, len(of.chains), rest.count)
		}
		if of.empty() != (c.own == nil && c.chains == 0) {
			t.Errorf("%v: empty %v", c.x, of.empty())
		}
		if all.any() == nil || (rest.any() == nil) != (c.rest == 0) {
			t.Errorf("%v: %v of %v", c.x, rest.any(), all.any())
		}
	}
	n := NewNames(Dialect{})
	n.Add(OutlineSpace, ",12:4.1,7:2", 20)
	n.Add(OutlineSpace, ",112:4.1", 21)
	c := &compiler{names: n, seen: newSightings()}
	for _, one := range []struct {
		outlines string
		is       bool
	}{{"20", true}, {"21", false}, {"21,20", true}, {"0", false}, {"21,0", false}, {"21,", false}, {"", false}} {
		if is, _, err := c.labelled(one.outlines, []int64{12, 5}); is != one.is || err != nil {
			t.Errorf("%q: %v, %v", one.outlines, is, err)
		}
	}
	if _, _, err := c.labelled("x", []int64{12}); err == nil {
		t.Error("what is no number is taken for an outline")
	}
}

func TestWhereManyHaveLabelsTheseAreAskedFor(t *testing.T) {
	var o labelsOften
	read := func(labels bool) (asked bool) {
		if asked = o.is(1); !asked {
			o.saw(1, labels)
		}
		return asked
	}
	share := func(labelled int) float64 { // of reads that ask for labels, where one in so many has some
		asked := 0
		for i := range 10_000 {
			if read(i%labelled == 0) {
				asked++
			}
		}
		return float64(asked) / 10_000
	}
	if n := share(1); n < 0.7 {
		t.Errorf("all have labels, and %.2f of the reads ask for them", n)
	}
	if n := share(20); n > 0.05 {
		t.Errorf("one in twenty has labels, and %.2f of the reads ask for them", n)
	}
	if o.is(2) {
		t.Error("what is of one type counts for another")
	}
}
