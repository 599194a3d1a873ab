package records

import (
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
)

// dateOf reads a date or time of any precision. The '+' of an offset that was
// not escaped arrives as a space.
func dateOf(p search.Pair) (*search.TimeRange, error) {
	first, last, err := moments(p)
	if err != nil {
		return nil, err
	}
	return &search.TimeRange{Lo: first.UnixMicro(), Hi: last.UnixMicro() + 1}, nil
}

// countOf reads a _count of operations, which have no page without resources.
func countOf(p search.Pair, most int) (int, error) {
	n, err := strconv.ParseUint(p.Value, 10, 31)
	if err != nil || n == 0 {
		return 0, fault.New(fault.Invalid, fault.CodeValue, "", "_count is how many resources a page has, a whole number from 1, not %q", fault.Shorten(p.Value))
	}
	return min(int(n), most), nil
}

// inOrder refuses a time that ends before it starts; nil is an open end.
func inOrder(start, end *search.TimeRange) error {
	if start != nil && end != nil && start.Lo >= end.Hi {
		return fault.New(fault.Invalid, fault.CodeInvalid, "", "start lies after end: exchange them")
	}
	return nil
}

// unknownParameter says that an operation has no such parameter.
func unknownParameter(operation, name string, known ...string) error {
	return fault.New(fault.Invalid, fault.CodeNotSupported, "", "$%s has no parameter %q%s; it has %s",
		operation, fault.Shorten(name), meant(name, known), strings.Join(known, ", "))
}

// meant is a half-sentence with the nearest candidate, or "".
func meant(name string, candidates []string) string {
	if near := fault.Nearest(name, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}
