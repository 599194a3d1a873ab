package bulkload

import "slices"

// ranges is a set of numbers as pairs of a first and a last one, in order.
type ranges [][2]int64

// add adds n.
func (r *ranges) add(n int64) {
	s := *r
	if k := len(s); k > 0 && n == s[k-1][1]+1 {
		s[k-1][1] = n // the usual case
		return
	}
	i, found := slices.BinarySearchFunc(s, n, func(p [2]int64, n int64) int {
		switch {
		case p[1] < n:
			return -1
		case p[0] > n:
			return 1
		}
		return 0
	})
	if found {
		return
	}
	s = slices.Insert(s, i, [2]int64{n, n})
	if i+1 < len(s) && s[i+1][0] == n+1 {
		s[i][1] = s[i+1][1]
		s = slices.Delete(s, i+1, i+2)
	}
	if i > 0 && s[i-1][1] == n-1 {
		s[i-1][1] = s[i][1]
		s = slices.Delete(s, i, i+1)
	}
	*r = s
}

// has says whether n is in the set.
func (r ranges) has(n int64) bool { return r.within(n, n) > 0 }

// within counts those of first to last that are in the set.
func (r ranges) within(first, last int64) int64 {
	i, _ := slices.BinarySearchFunc(r, first, func(p [2]int64, n int64) int {
		if p[1] < n {
			return -1
		}
		return 1
	})
	var n int64
	for ; i < len(r) && r[i][0] <= last; i++ {
		n += min(r[i][1], last) - max(r[i][0], first) + 1
	}
	return n
}

func (r ranges) count() int64 {
	var n int64
	for _, p := range r {
		n += p[1] - p[0] + 1
	}
	return n
}
