package fault

import "strings"

// Nearest returns the candidate that was most likely meant by name, or ""
// when none is near: case does not count, and up to a third of the letters,
// three at the most, may be wrong, missing, too many or swapped with their
// neighbour. Among equally near ones the first is taken.
func Nearest(name string, candidates []string) string {
	best, fewest := "", min(3, max(1, len(name)/3))+1
	name = strings.ToLower(name)
	for _, c := range candidates {
		if n := edits(name, strings.ToLower(c), fewest-1); n < fewest {
			best, fewest = c, n
		}
	}
	return best
}

// edits is the number of insertions, deletions, replacements and swaps of
// neighbours that make b of a, or limit+1 when it is more than limit.
func edits(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(a) > 64 {
		return limit + 1
	}
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}

// Shorten keeps text that a client sent to a length fit for a message. What
// it cuts off is marked by an ellipsis.
func Shorten(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
