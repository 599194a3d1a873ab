package pages

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestAScopeIsSaidInWordsThatAPatientUnderstands(t *testing.T) {
	for scope, want := range map[string]string{
		"patient/Observation.rs":   "See test results and measurements",
		"patient/Observation.read": "See test results and measurements",
		"patient/Immunization.c":   "Add vaccinations",
		"patient/Goal.cu":          "Add and change your health goals",
		"patient/*.rs":             "See all of your health record",
		"patient/*.cruds":          "See, add, change and delete all of your health record",
		"patient/Condition.write":  "Add, change and delete health problems and diagnoses",
		"user/Patient.rs":          "See the name, birth date, address and other personal details of everybody whose record you may see",
		"user/*.rs":                "See all health records of everybody whose record you may see",
		"system/Encounter.s":       "See visits and stays of everybody",
		"user/Practitioner.rs":     "See names and details of clinicians",
		"patient/NotKnown.u":       "Change not known records",
		"openid":                   "Know that it is you when you sign in",
		"launch/imagingstudy":      "Know which imagingstudy you were looking at",
		"offline_access":           "Keep its access also when you are away and signed out",
		"https://other.example/x":  "Use https://other.example/x",
	} {
		if got := ScopeText(scope, true); got != want {
			t.Errorf("%s: %q, want %q", scope, got, want)
		}
	}
}

func TestAClinicianIsToldWhoseRecordItIs(t *testing.T) {
	if got, want := ScopeText("patient/Patient.rs", false), "See the name, birth date, address and other personal details of this patient"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAGranularScopeIsSaidByItsCategory(t *testing.T) {
	for scope, want := range map[string]string{
		"patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory":             "See laboratory results",
		"patient/Observation.rs?category=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fobservation-category%7Claboratory": "See laboratory results",
		"patient/Condition.rs?category=http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern":            "See health concerns",
		"patient/Observation.rs?category=laboratory&status=final":                                                           "See laboratory results, only where status is final",
		"patient/Observation.rs?code=http://loinc.org|4548-4":                                                               "See test results and measurements, only where code is 4548-4",
	} {
		if got := ScopeText(scope, true); got != want {
			t.Errorf("%s: %q, want %q", scope, got, want)
		}
	}
}

// Every category that US Core has granular scopes for has words of its own, and
// so has every type of a patient's record.
func TestTheWordsCoverWhatPatientsAreAskedFor(t *testing.T) {
	for _, of := range []string{
		"Condition?category=encounter-diagnosis", "Condition?category=health-concern", "Condition?category=problem-list-item",
		"Observation?category=laboratory", "Observation?category=social-history", "Observation?category=vital-signs",
		"Observation?category=survey", "Observation?category=sdoh",
	} {
		if wordsOf[of] == "" {
			t.Errorf("%s has no words", of)
		}
	}
	compartment := definitions.MustBuiltIn(definitions.R4).Compartment("Patient")
	if compartment == nil {
		t.Fatal("there is no compartment of patients")
	}
	for typ := range compartment.Params {
		if wordsOf[typ] == "" {
			t.Errorf("%s has no words", typ)
		}
	}
}

// The table is data that people edit: a scope in it must be one that is known.
func TestTheWordsAreOfKnownScopes(t *testing.T) {
	defs := definitions.MustBuiltIn(definitions.R4)
	types := map[string]bool{}
	for _, typ := range defs.ResourceTypes() {
		types[typ] = true
	}
	for name, text := range wordsOf {
		typ, _, _ := strings.Cut(name, "?")
		if !types[typ] && name != smart.Any && !smart.Known(name) && !strings.HasPrefix(name, "__") {
			t.Errorf("%q is no resource type and no scope", name)
		}
		if text == "" || strings.HasSuffix(text, ".") {
			t.Errorf("%q: %q is not a phrase", name, text)
		}
	}
}
