package validate

import (
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

func moreMessage(n int) string {
	if n == 1 {
		return "one more problem is not listed"
	}
	return fmt.Sprintf("%d more problems are not listed", n)
}

// listed writes "a, b, c …".
func listed(words []string, more bool) string {
	s := strings.Join(words, ", ")
	if more {
		s += " …"
	}
	return s
}

func typeNames(e *definitions.Element) string {
	names := make([]string, 0, 8)
	for _, t := range e.Types {
		if len(names) == 8 {
			return listed(names, true)
		}
		names = append(names, t.Code)
	}
	return listed(names, false)
}
