package auth

import (
	"testing"

	"github.com/inglehealth/ingle/spec/smart"
)

func TestWordsAreWhatAPatientUnderstands(t *testing.T) {
	for text, want := range map[string]string{
		"patient/Observation.rs":                         "See measurements and test results of this patient",
		"patient/Immunization.c":                         "Add vaccinations of this patient",
		"patient/Goal.cu":                                "Add and change goals of this patient",
		"user/*.cruds":                                   "See, add, change and delete everything in the record that you have access to",
		"patient/*.read":                                 "See everything in the record of this patient",
		"patient/NutritionOrder.rs":                      "See nutrition order records of this patient",
		"patient/Observation.rs?code=http://loinc.org|1": "See measurements and test results, only where code=http://loinc.org|1 of this patient",
	} {
		s, err := smart.ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := scopeWords(s); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

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
		if scopeWords(s) == "" {
			t.Errorf("%q has no words", asked)
		}
		options := []Option{{Scope: asked, Parts: parts(s)}}
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
