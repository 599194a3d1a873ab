package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// boundedWalk asks for ranges so large that they are not worth sorting, of dates
// that a resource has once.
func boundedWalk(t *testing.T, b bench) {
	const n, page = 3001, 7
	once := date
	once.Once = true
	ids := map[int]string{} // by day
	var writes []store.Write
	for i := range n {
		id := fmt.Sprintf("o%04d", i)
		entry := day(date, i*7%n)
		if i%100 == 0 { // begins that day, and has no end for long
			entry.Time.Hi += 1 << 50
		}
		ids[i*7%n] = id
		writes = append(writes, b.put("Observation/"+id, 0, "", entry))
	}
	writes = append(writes, b.put("Observation/undated", 0, ""))
	b.write(t, writes...)
	long := func(d int) bool { return ids[d][3:] == "00" }
	bound := func(p search.Prefix, d int) search.Expr {
		return search.Date{Param: once, Prefix: p, Range: dayRange(d)}
	}
	for _, x := range []struct {
		filter search.Expr
		holds  func(d int) bool
	}{
		{bound(search.LE, n-500), func(d int) bool { return d <= n-500 && (d < n-500 || !long(d)) }},
		{bound(search.GE, 500), func(d int) bool { return d >= 500 || long(d) }},
		{search.And{bound(search.GE, 200), bound(search.LT, n-300)}, func(d int) bool { return d < n-300 && (d >= 200 || long(d)) }},
		{search.And{bound(search.SA, 100), bound(search.LE, n-100)}, func(d int) bool { return d > 100 && d <= n-100 && (d < n-100 || !long(d)) }},
	} {
		for _, desc := range []bool{false, true} {
			var want []string
			for d := range n {
				if x.holds(d) {
					want = append(want, ids[d])
				}
			}
			if desc {
				slices.Reverse(want)
			}
			q := search.Query{Types: []string{"Observation"}, Filter: x.filter, Sort: []search.SortKey{{Param: once, Desc: desc}}, Count: 400}
			if got := b.all(t, q, nil); !slices.Equal(got, want) {
				t.Errorf("%+v, desc %v: %d found, not %d; the first are %v, not %v", x.filter, desc, len(got), len(want), got[:min(page, len(got))], want[:page])
			}
		}
	}
}
