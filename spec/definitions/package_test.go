package definitions

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
)

func loadFile(t testing.TB, name string, base *Definitions) *Definitions {
	t.Helper()
	f, err := os.Open(testdata.Dir(t, "packages", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := LoadPackage(f, base)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

func TestEveryPackageOfTheSharedDataLoads(t *testing.T) {
	r5 := loadFile(t, "hl7.fhir.r5.core-5.0.0.assembled.tgz", nil)
	if r5.Release != R5 || r5.Type("Patient") == nil || !r5.Type("Patient").Is("Base") {
		t.Error("R5 is incomplete")
	}
	paths, err := filepath.Glob(filepath.Join(testdata.Dir(t, "packages"), "*.tgz"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no packages", err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		base := MustBuiltIn(R4)
		switch {
		case strings.Contains(name, ".r5.core"):
			continue
		case strings.Contains(name, ".core-4"):
			base = nil
		case strings.Contains(name, "r5"):
			base = r5
		}
		if strings.HasPrefix(name, "hl7.fhir.us.core") {
			base = MustBuiltIn(R4)
		}
		t.Run(name, func(t *testing.T) {
			d := loadFile(t, name, base)
			n, bad := 0, 0
			for typ := range d.profiles.get(d).byType {
				for _, p := range d.profiles.byType[typ] {
					n++
					if _, err := p.Root(); err != nil {
						bad++
						t.Error(err)
					}
				}
			}
			t.Logf("%v: %d profiles, %d parameters, %d operations, %d terms", d.Packages(), n, len(d.paramByURL), len(d.operations), len(d.terminology.index))
		})
	}
}
