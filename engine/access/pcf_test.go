package access_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
)

// pcf are cases of IHE Privacy Consent on FHIR: implicit policies, and consents of
// its options basic, intermediate and advanced, with what each has to show.
type pcf struct {
	Resources []json.RawMessage
	Cases     []struct {
		Option, Name, Implicit string
		Provisions             []json.RawMessage // of a Consent each
		Asks                   []struct {
			Purpose string
			Actors  []string
			At      string
			Sees    string
		}
	}
}

func TestConsentsDecideAsIHEPrivacyConsentOnFHIRHasIt(t *testing.T) {
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
	options := map[string]int{}
	for _, c := range all.Cases {
		options[c.Option]++
		t.Run(c.Option+"/"+c.Name, func(t *testing.T) {
			w := newWorld(t, resources...)
			var consents []string
			for i, p := range c.Provisions {
				consents = append(consents, consent("p", i, `"provision":`+string(p)))
			}
			defaults, ok := access.Implicit(c.Implicit)
			if !ok {
				t.Fatalf("there is no policy %s", c.Implicit)
			}
			book := w.bookOf(defaults, consents...)
			for _, a := range c.Asks {
				g := grant("user/*.cruds")
				g.Asker = access.Asker{Actors: a.Actors, Purpose: a.Purpose}
				r := w.o.RulesUnder(book, g)
				got := w.visible(r, a.At)
				if order(got) != order(a.Sees) {
					t.Errorf("%s %s on %s sees %s\nwant %s", a.Purpose, fmt.Sprint(a.Actors), a.At, order(got), order(a.Sees))
				}
				w.explains(r, a.At, got)
			}
		})
	}
	for option, n := range map[string]int{"implicit": 4, "basic": 11, "intermediate": 19, "advanced": 22} {
		if options[option] < n {
			t.Errorf("%d cases of the option %s, want %d", options[option], option, n)
		}
	}
	if _, ok := access.Implicit("none"); ok {
		t.Error("a policy that is none is taken")
	}
}
