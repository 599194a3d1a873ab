package smart

import (
	"strings"
	"testing"
)

func TestAScopeOfVersion2NamesItsInteractionsInOrder(t *testing.T) {
	for text, want := range map[string]Interactions{
		"patient/Observation.rs":   Read | Search,
		"user/*.cruds":             All,
		"system/Patient.c":         Create,
		"patient/Observation.cud":  Create | Update | Delete,
		"user/MedicationRequest.u": Update,
	} {
		s, err := ParseScope(text)
		if err != nil || s.Interactions != want || s.V1 || s.String() != text {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
	for _, text := range []string{"patient/Observation.sr", "patient/Observation.rr", "patient/Observation.", "patient/Observation.x", "patient/Observation.Rs"} {
		if s, err := ParseScope(text); err == nil {
			t.Errorf("%s is taken for %+v", text, s)
		}
	}
}

func TestAScopeOfVersion1MeansLettersOfVersion2(t *testing.T) {
	for text, want := range map[string]string{"patient/*.read": "rs", "user/Patient.write": "cud", "system/Observation.*": "cruds"} {
		s, err := ParseScope(text)
		if err != nil || s.Interactions.String() != want || !s.V1 || s.String() != text {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
	if _, err := ParseScope("patient/Observation.read?category=laboratory"); err == nil {
		t.Error("a scope of version 1 has parameters")
	}
}

func TestAScopeKeepsItsQueryAsWritten(t *testing.T) {
	const text = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory&status=final%2Camended"
	s, err := ParseScope(text)
	if err != nil || s.Query != strings.SplitN(text, "?", 2)[1] || s.String() != text {
		t.Errorf("%+v, %v", s, err)
	}
	for _, query := range []string{"", "category", "=x", "category=", "a=1&", "a=%zz", "a=b c", `a="b"`, `a=b\c`, "a=ä", strings.Repeat("a=1&", maxQuery) + "a=1"} {
		if _, err := ParseScope("patient/Observation.rs?" + query); err == nil {
			t.Errorf("the query %q is accepted", query)
		}
	}
}

func TestWhatIsNoScopeAboutResourcesIsRefusedWithAReason(t *testing.T) {
	for _, text := range []string{"", "openid", "launch/patient", "patient", "patient/", "patient/Observation", "Patient/Observation.rs", "patient/observation.rs",
		"patient/Obs3.rs", "patient/**.rs", "patient/" + strings.Repeat("A", 65) + ".rs", "group/Observation.rs", "patient/Obs ervation.rs"} {
		if _, err := ParseScope(text); err == nil || len(err.Error()) < 20 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAScopeCoversWhatAllowsNoMore(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		covers       bool
	}{
		{"patient/*.rs", "patient/Observation.r", true},
		{"patient/Observation.rs", "patient/*.r", false},
		{"patient/Observation.rs", "patient/Observation.read", true},
		{"patient/Observation.r", "patient/Observation.rs", false},
		{"user/*.cruds", "patient/Observation.r", false},
		{"patient/Observation.rs", "patient/Observation.rs?category=laboratory", true},
		{"patient/Observation.rs?category=laboratory", "patient/Observation.rs", false},
		{"patient/Observation.rs?category=laboratory", "patient/Observation.rs?status=final&category=laboratory", true},
		{"patient/Observation.rs?category=laboratory", "patient/Observation.rs?category=vital-signs", false},
		{"patient/*.rs?_tag=a", "patient/Observation.r?_tag=a", true},
	} {
		wide, narrow := must(t, c.wide), must(t, c.narrow)
		if got := wide.Covers(narrow); got != c.covers {
			t.Errorf("%s covers %s: %v", wide, narrow, got)
		}
	}
}

func must(t *testing.T, text string) Scope {
	t.Helper()
	s, err := ParseScope(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func FuzzParseScope(f *testing.F) {
	for _, text := range []string{"patient/Observation.rs?category=a|b&status=final", "user/*.cruds", "system/Patient.read", "launch/patient", "patient/*.*", "a/b.c?d=%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScope(text)
		if err != nil {
			return
		}
		if s.String() != text {
			t.Fatalf("%q is written %q", text, s)
		}
		if again, err := ParseScope(s.String()); err != nil || again != s {
			t.Fatalf("%q is read as %+v, then as %+v, %v", text, s, again, err)
		}
		if !s.Covers(s) {
			t.Fatalf("%s does not cover itself", s)
		}
		if list, err := ParseScopes(text); err != nil || len(list) != 1 {
			t.Fatalf("%q is a scope, but a list of %v, %v", text, list, err)
		}
	})
}
