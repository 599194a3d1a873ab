package terminology

import (
	"cmp"
	"slices"
	"strings"
)

// compareVersions orders business versions: numbers in them as numbers, a
// pre-release ("2.0.0-beta") before its release, and no version first.
func compareVersions(a, b string) int {
	a, preA, _ := strings.Cut(a, "-")
	b, preB, _ := strings.Cut(b, "-")
	if dated(a, preA) || dated(b, preB) {
		return naturally(a+"-"+preA, b+"-"+preB)
	}
	if c := naturally(a, b); c != 0 {
		return c
	}
	switch {
	case preA == preB:
		return 0
	case preA == "":
		return 1
	case preB == "":
		return -1
	}
	return naturally(preA, preB)
}

// dated says whether a version looks like 2024-03-01.
func dated(head, tail string) bool {
	return len(head) == 4 && digits(head) == 4 && tail != "" && tail[0] >= '0' && tail[0] <= '9'
}

// naturally compares texts with runs of digits as numbers.
func naturally(a, b string) int {
	for a != "" && b != "" {
		n, m := digits(a), digits(b)
		if n > 0 && m > 0 {
			x, y := strings.TrimLeft(a[:n], "0"), strings.TrimLeft(b[:m], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[n:], b[m:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// matchVersion says whether a version is the one asked for, in which x, X and
// * stand for any part: 1.x.x, 1.0.*. A wildcard at the end also stands for
// the parts that follow.
func matchVersion(pattern, version string) bool {
	if pattern == version {
		return true
	}
	want := strings.Split(pattern, ".")
	if !slices.ContainsFunc(want, wildcard) {
		return false
	}
	parts := strings.Split(version, ".")
	for i, w := range want {
		switch {
		case i >= len(parts):
			return false
		case wildcard(w):
		case w != parts[i]:
			return false
		}
	}
	return len(parts) == len(want) || len(parts) > len(want) && wildcard(want[len(want)-1])
}

func wildcard(part string) bool { return part == "x" || part == "X" || part == "*" }

// versionRules are canonicals with a version each, as parameters such as
// system-version give them.
type versionRules []string

// of is the version that the rules give a URL, "" when none speaks of it.
func (r versionRules) of(url string) string {
	for _, rule := range r {
		if u, v, _ := strings.Cut(rule, "|"); u == url {
			return v
		}
	}
	return ""
}

// cutVersion parts a canonical.
func cutVersion(canonical string) (url, version string, versioned bool) {
	return strings.Cut(canonical, "|")
}
