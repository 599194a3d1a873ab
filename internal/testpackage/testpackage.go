// Package testpackage loads the FHIR packages of the shared test data.
package testpackage

import (
	"os"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
)

var r5 struct {
	sync.Mutex
	loaded *definitions.Definitions
}

// R5 is FHIR R5, which is not built in. It is loaded once.
func R5(t testing.TB) *definitions.Definitions {
	t.Helper()
	r5.Lock()
	defer r5.Unlock()
	if r5.loaded == nil {
		r5.loaded = Load(t, nil, "hl7.fhir.r5.core-5.0.0.assembled.tgz")
	}
	return r5.loaded
}

// Load puts packages on top of base, one after the other. A base of nil makes
// the first of them a release.
func Load(t testing.TB, base *definitions.Definitions, files ...string) *definitions.Definitions {
	t.Helper()
	for _, file := range files {
		f, err := os.Open(testdata.Dir(t, "packages", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if base, err = definitions.LoadPackage(f, base); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return base
}
