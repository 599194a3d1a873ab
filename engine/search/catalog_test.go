package search

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
)

// r4 is the catalog that most tests use.
func r4(t testing.TB) *Catalog {
	t.Helper()
	c, err := NewCatalog(definitions.MustBuiltIn(definitions.R4), "https://fhir.example.org/r4")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParametersThatCannotBeSearchedByAreListedWithAReason(t *testing.T) {
	c := r4(t)
	problems := map[string]string{}
	total := 0
	for _, name := range c.Definitions().ResourceTypes() {
		for _, p := range c.Parameters(name) {
			total++
			if p.Problem != "" {
				problems[p.Code+" "+string(p.Kind)+": "+p.Problem] += " " + name
			}
		}
	}
	t.Log(total)
	for p, types := range problems {
		if len(strings.Fields(types)) > 5 {
			types = " many"
		}
		t.Log(p + " <-" + types)
	}
}
