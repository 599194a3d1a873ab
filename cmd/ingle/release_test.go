package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
)

// guide writes a package for FHIR versions, given as JSON strings.
func guide(t *testing.T, name, versions string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".tgz")
	packed := testpackage.Pack(t, map[string]string{"package.json": `{"name":"` + name + `","version":"1.0.0","fhirVersions":[` + versions + `]}`})
	if err := os.WriteFile(file, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// loaded says which packages each release has, "R4: a, b; R4B: c".
func loaded(t *testing.T, f definitionFlags) string {
	t.Helper()
	all, err := f.load()
	if err != nil {
		t.Fatal(err)
	}
	var releases []string
	for _, d := range all {
		var names []string
		for _, p := range d.Packages() {
			names = append(names, p.Name)
		}
		releases = append(releases, string(d.Release)+": "+strings.Join(names, ", "))
	}
	return strings.Join(releases, "; ")
}

func TestAPackageIsLaidOverEachReleaseItIsFor(t *testing.T) {
	both, r4b := guide(t, "both", `"4.0.1","4.3.0"`), guide(t, "later", `"4.3.0"`)
	for _, c := range []struct {
		fhir, packages []string
		want           string
	}{
		{[]string{"R4", "R4B"}, []string{both}, "R4: hl7.fhir.r4.core, both; R4B: hl7.fhir.r4b.core, both"},
		{[]string{"R4B"}, []string{both}, "R4B: hl7.fhir.r4b.core, both"},
		{[]string{"R4"}, []string{r4b}, "R4: hl7.fhir.r4.core; R4B: hl7.fhir.r4b.core, later"},
		{[]string{"R4"}, []string{r4b, both}, "R4: hl7.fhir.r4.core, both; R4B: hl7.fhir.r4b.core, later, both"},
	} {
		if got := loaded(t, definitionFlags{FHIR: c.fhir, Package: c.packages}); got != c.want {
			t.Errorf("%v with %d packages:\n got %s\nwant %s", c.fhir, len(c.packages), got, c.want)
		}
	}
}

func TestAReleaseMayBeNamedBehindWhatIsLaidOverIt(t *testing.T) {
	mine, r5 := guide(t, "mine", `"5.0.0"`), testdata.Dir(t, "packages", "hl7.fhir.r5.core-5.0.0.assembled.tgz")
	_, err := definitionFlags{FHIR: []string{"R4"}, Package: []string{mine}}.load()
	if err == nil || !strings.Contains(err.Error(), "mine 1.0.0 is for FHIR 5.0.0, which is not loaded") {
		t.Error(err)
	}
	if got, want := loaded(t, definitionFlags{FHIR: []string{"R4"}, Package: []string{mine, r5}}), "R4: hl7.fhir.r4.core; R5: hl7.fhir.r5.core, mine"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestASearchParameterOfAPackageThatCannotWorkIsToldAtLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "guide.tgz")
	if err := os.WriteFile(file, testpackage.Parameters(t, "suffix string Patient.name.suffix", "nowhere string Patient.nowhere", "odd frobnicate Patient.active"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := definitionFlags{FHIR: []string{"R4"}, Package: []string{file}}
	var out bytes.Buffer
	if err := (&versionCommand{flags}).Run(&Main{Stdout: &out}); err != nil {
		t.Fatal(err)
	}
	all, err := flags.load()
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	store := storeFlags{Data: t.TempDir()}
	tenants, err := store.open(t.Context(), all, "http://127.0.0.1/fhir", records.DefaultPolicy(), slog.New(slog.NewTextHandler(&logged, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := tenants.Close(); err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{out.String(), logged.String()} {
		for _, want := range []string{"nowhere", "example.guide 1.0.0", "Patient has no element nowhere", "http://example.org/SearchParameter/odd", "frobnicate"} {
			if !strings.Contains(told, want) {
				t.Errorf("%q is not told: %s", want, told)
			}
		}
		if strings.Contains(told, "suffix") {
			t.Errorf("what works is told of: %s", told)
		}
	}
}

func TestASearchParameterOfALoadedReleaseThatCannotWorkIsToldAtLoad(t *testing.T) {
	var out bytes.Buffer
	flags := definitionFlags{FHIR: []string{"R4"}, Package: []string{testdata.Dir(t, "packages", "hl7.fhir.r5.core-5.0.0.assembled.tgz")}}
	if err := (&versionCommand{flags}).Run(&Main{Stdout: &out}); err != nil {
		t.Fatal(err)
	}
	if want := "search parameter location-period of hl7.fhir.r5.core 5.0.0 cannot be searched by: "; !strings.Contains(out.String(), want) {
		t.Errorf("%q is not told: %s", want, &out)
	}
	if r4, _, _ := strings.Cut(out.String(), "FHIR R5"); strings.Contains(r4, "cannot be searched by") {
		t.Errorf("of what is built in is told: %s", r4)
	}
}
