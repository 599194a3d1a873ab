package leaktest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
)

// TestEveryMaskIsExplained masks each element alone, and with the others of its type, from who
// sees everything: all is shown but what is masked, and nothing is withheld, of which the
// oracle knows nothing.
func TestEveryMaskIsExplained(t *testing.T) {
	r := openRig(t, "sqlite", gateSeed)
	byType := map[string][]string{}
	for _, element := range maskable {
		if element == "ExplanationOfBenefit.contained" { // cannot be masked
			continue
		}
		typeName, _, _ := strings.Cut(element, ".")
		if !slices.Contains(byType[typeName], element) {
			byType[typeName] = append(byType[typeName], element)
		}
	}
	for _, elements := range byType {
		for _, element := range elements {
			r.explainMasks(element)
		}
		r.explainMasks(elements...)
	}
}

func (r *rig) explainMasks(elements ...string) {
	r.Helper()
	rule := leaktest.RoleRule{Types: []string{"*"}, Interactions: "cruds", Reach: "organization", Mask: elements}
	r.asks = &leaktest.Principal{
		User: "Practitioner/dr", Purpose: "TREAT", Scopes: []leaktest.Scope{{Level: "user", Type: "*", Interactions: "cruds"}},
		Roles: []leaktest.Role{{Name: "made", Purposes: []string{"TREAT"}, Rules: []leaktest.RoleRule{rule}}},
	}
	r.did = nil
	r.look()
	r.asked("all but %s", elements)
	var got []string
	for req := (records.SearchRequest{Pairs: r.pairsOf("_count=1000")}); ; {
		page, err := r.session.Search(r.Context(), req)
		if err != nil {
			r.Fatal(err)
		}
		r.resources(page)
		matches, _ := split(page)
		got = append(got, matches...)
		if req.After = page.Next; req.After == "" {
			break
		}
	}
	r.same("resources", got, r.sight.Found("", nil))
}
