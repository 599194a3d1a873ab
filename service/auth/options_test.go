package auth

import (
	"testing"

	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
)

// Whatever an app asks for and whatever a form ticks, no more is granted than was
// asked for.
func FuzzWhatAFormGrantsWasAskedFor(f *testing.F) {
	f.Add("patient/Observation.read", "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory")
	f.Add("patient/*.cruds", "patient/Patient.cruds")
	f.Add("patient/Condition.c", "patient/Condition.cruds")
	f.Add("user/Observation.rs?category=laboratory", "user/Observation.rs")
	f.Fuzz(func(t *testing.T, asked, ticked string) {
		s, err := smart.ParseScope(asked)
		if err != nil {
			return
		}
		if pages.ScopeWords(s, true) == "" {
			t.Errorf("%q has no words", asked)
		}
		options := []Option{{Scope: asked, Parts: parts(s, true)}}
		all := []string{ticked, asked}
		for _, p := range options[0].Parts {
			all = append(all, p.Scope)
		}
		for _, form := range [][]string{{ticked}, all, all[1:], all[2:]} {
			for _, got := range chosen(options, form) {
				if !(smart.Scopes{asked}).Covered(got) {
					t.Errorf("asked %q, ticked %q, granted %q", asked, form, got)
				}
			}
		}
	})
}
