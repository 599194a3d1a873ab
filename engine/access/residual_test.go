package access_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
)

// labelled is what of a resource a server elsewhere goes by.
type labelled struct {
	ResourceType, ID string
	Meta             struct {
		Security []struct{ System, Code string }
	}
}

// flows says whether residual rules let a resource flow, as IHE PCF has it: what a rule
// forbids, and none permits, does not. Data that rules name beside the instance is taken
// for what each rule least wants: forbidden by none, permitted by any.
func flows(rules []access.Residual, r labelled) bool {
	matches := func(one access.Residual) bool {
		if len(one.Labels) > 0 && !slices.ContainsFunc(one.Labels, func(l string) bool {
			system, code, _ := strings.Cut(l, "|")
			has := func(s, c string) bool {
				return slices.ContainsFunc(r.Meta.Security, func(x struct{ System, Code string }) bool { return x.System == s && x.Code == c })
			}
			normal := code == "N" && !slices.ContainsFunc([]string{"U", "L", "M", "R", "V"}, func(c string) bool { return has(system, c) })
			return normal || has(system, code)
		}) {
			return false
		}
		return len(one.Data) == 0 || slices.ContainsFunc(one.Data, func(d access.ResidualDatum) bool { return d.Key == r.ResourceType+"/"+r.ID })
	}
	forbidden := false
	for _, one := range rules {
		if matches(one) {
			if !one.Forbid {
				return true
			}
			forbidden = true
		}
	}
	return !forbidden
}

// What residual rules let flow is seen here, too, for all cases of IHE PCF but what is
// hidden through another resource, of which a resource itself does not tell.
func TestResidualRulesLetNothingFlowThatIsHidden(t *testing.T) {
	text, err := os.ReadFile("testdata/pcf.json")
	if err != nil {
		t.Fatal(err)
	}
	var all pcf
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	var resources []string
	for _, r := range all.Resources {
		resources = append(resources, string(r))
	}
	flowing, ruled := 0, 0
	for _, c := range all.Cases {
		w := newWorld(t, resources...)
		var consents []string
		indirect := false
		for i, p := range c.Provisions {
			consents = append(consents, consent("p", i, `"provision":`+string(p)))
			indirect = indirect || slices.ContainsFunc([]string{`"related"`, `"dependents"`, `"authoredby"`}, func(m string) bool { return strings.Contains(string(p), m) })
		}
		if indirect {
			continue
		}
		defaults, _ := access.Implicit(c.Implicit)
		book := w.bookOf(defaults, consents...)
		for _, a := range c.Asks {
			g := grant("user/*.cruds")
			g.Asker = access.Asker{Actors: a.Actors, Purpose: a.Purpose}
			r := w.o.RulesUnder(book, g)
			at, _ := search.ParseTime(a.At)
			_, rules := r.Residual(w.consents["p"], at.Lo)
			if rules != nil {
				ruled++
			}
			for _, resource := range all.Resources {
				var one labelled
				if err := json.Unmarshal(resource, &one); err != nil {
					t.Fatal(err)
				}
				key := one.ResourceType + "/" + one.ID
				seen := slices.Contains(strings.Fields(a.Sees), key)
				if !flows(rules, one) {
					continue
				}
				flowing++
				if inherits := strings.Contains(string(resource), `"encounter"`); !seen && !inherits {
					t.Errorf("%s/%s: to %s %v on %s flows %s, which is hidden: %+v", c.Option, c.Name, a.Purpose, a.Actors, a.At, key, rules)
				}
			}
		}
	}
	if flowing < 50 || ruled < 20 {
		t.Errorf("%d resources flowed, %d had rules", flowing, ruled)
	}
}
