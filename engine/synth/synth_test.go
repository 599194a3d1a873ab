package synth

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/validate"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var asOf = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

func TestEverythingGeneratedIsValidAndConformsToWhatItClaims(t *testing.T) {
	r4 := definitions.MustBuiltIn(definitions.R4)
	for _, file := range []string{"hl7.fhir.us.core-6.1.0.tgz", "hl7.fhir.us.core-7.0.0.tgz"} {
		d := testpackage.Load(t, r4, file)
		v := validate.New(d, validate.Options{})
		n := 0
		seen := map[string]bool{}
		for record := range Generate(7, 200, asOf) {
			for _, r := range record.Resources {
				n++
				tree, err := fhir.ParseJSON(d, r.JSON, fhir.Limits{})
				if err != nil {
					t.Fatalf("%s: %v\n%s", r.Key, err, r.JSON)
				}
				for _, i := range v.Validate(context.Background(), tree, nil) {
					wrong := i.Severity == fault.ErrorLevel || strings.Contains(i.Message, "is not a name of code")
					if k := string(r.Type) + i.Message; wrong && !seen[k] {
						seen[k] = true
						t.Errorf("%s %s: %v", file, r.Key, i)
					}
				}
			}
		}
		t.Logf("%s: %d resources", file, n)
	}
}

func TestTheSameArgumentsGiveTheSameBytes(t *testing.T) {
	all := func(n int) (b []byte) {
		for r := range Generate(3, n, asOf) {
			b = append(b, r.Bundle()...)
		}
		return b
	}
	one := all(12)
	if !bytes.Equal(one, all(12)) {
		t.Error("two runs differ")
	}
	if !bytes.HasPrefix(one, all(8)) {
		t.Error("the first patients differ when there are more")
	}
	if slices.Equal(one, func() (b []byte) {
		for r := range Generate(4, 12, asOf) {
			b = append(b, r.Bundle()...)
		}
		return b
	}()) {
		t.Error("another seed makes no difference")
	}
}

func BenchmarkGenerate100(b *testing.B) {
	b.ReportAllocs()
	resources, size := 0, 0
	for b.Loop() {
		resources, size = 0, 0
		for r := range Generate(1, 100, asOf) {
			for _, x := range r.Resources {
				resources++
				size += len(x.JSON)
			}
		}
	}
	b.ReportMetric(float64(resources)/100, "resources/patient")
	b.ReportMetric(float64(size)/100, "bytes/patient")
}
