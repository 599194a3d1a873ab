package access

import (
	"reflect"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
)

// opening is what some policies unseal: of the patients who have one of them.
type opening struct {
	x       search.Expr
	numbers []int64 // in rising order
}

// open adds an opening to others, with those policies that unseal the same.
func open(all []opening, x search.Expr, numbers []int64) []opening {
	for i := range all {
		if reflect.DeepEqual(all[i].x, x) {
			all[i].numbers = merged(all[i].numbers, numbers)
			return all
		}
	}
	return append(all, opening{x, numbers})
}

func merged(a, b []int64) []int64 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// shared are the types of which a resource may belong to several patients.
var shared = []string{"Account", "Appointment", "Binary", "Schedule"}

// maxOpenings bounds the openings of which pairs are made.
const maxOpenings = 6

// opened holds of sealed resources that every patient to whom they belong unseals: all
// by policies that unseal the same, or by two that unseal different things. Where they
// do it in more ways the resource stays sealed.
func (c *consenting) opened(all []opening) search.Expr {
	any := never()
	several := slices.ContainsFunc(c.types, func(t string) bool { return slices.Contains(shared, t) })
	for i, one := range all {
		any = disj(any, c.byEach(one, several))
		if !several || len(all) > maxOpenings {
			continue
		}
		for _, other := range all[:i] {
			any = disj(any, c.byEach(opening{conj(one.x, other.x), merged(one.numbers, other.numbers)}, true))
		}
	}
	return any
}

// byEach holds of what every patient opens to whom it belongs.
func (c *consenting) byEach(o opening, several bool) search.Expr {
	x := conj(o.x, c.governed(o.numbers, 0))
	if !several || isNever(x) {
		return x
	}
	return conj(x, neg(search.Governed{Params: c.params, Self: c.self, Policies: o.numbers, Lacking: true}))
}
