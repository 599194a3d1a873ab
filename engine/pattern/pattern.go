// Package pattern bounds what regular expressions that come from outside cost.
// Matching takes time in proportion to the text, whatever the expression, but
// also to the expression once its repetitions are written out: "(a?){999}" a
// few times over is small and has a million states.
package pattern

import "regexp/syntax"

// Size is about how many states an expression of package regexp has, counted
// without writing its repetitions out; an error when it cannot be read.
func Size(expression string) (int, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0, err
	}
	return size(parsed), nil
}

func size(e *syntax.Regexp) int {
	n := 1
	if e.Op == syntax.OpLiteral {
		n = len(e.Rune)
	}
	for _, part := range e.Sub {
		n += size(part)
	}
	if e.Op == syntax.OpRepeat {
		n *= max(e.Min, e.Max, 1)
	}
	return n
}
