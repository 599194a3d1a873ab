package pattern_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/pattern"
)

func TestTheSizeOfAnExpressionCountsItsRepetitions(t *testing.T) {
	for expression, want := range map[string]int{
		"": 1, "abc": 3, "a|bc": 4, "[0-9]+": 2, "(ab)*": 4, "a{3}": 6, "a{2,5}": 10, "a{4,}": 8, "((a{10}){10}){10}": 2220, "(a?){999}": 3996,
	} {
		if got, err := pattern.Size(expression); got != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", expression, got, err, want)
		}
	}
	if n, err := pattern.Size(strings.Repeat("(a?){800}", 200)); err == nil && n < 100_000 {
		t.Errorf("an expression that explodes has size %d", n)
	}
	for _, expression := range []string{"(", "a{1001}", "(a{1000}){1000}"} {
		if _, err := pattern.Size(expression); err == nil {
			t.Errorf("%s is taken", expression)
		}
	}
}
