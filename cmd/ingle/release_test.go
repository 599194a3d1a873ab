package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
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
