package clinic_test

import (
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/records"
)

// BenchmarkAChartOf5000Observations is the summary of a patient with 5,000
// observations of 40 kinds over HTTP, audit log and all.
func BenchmarkAChartOf5000Observations(b *testing.B) {
	w := newWard(b)
	w.sick()
	s := w.Door.Session(records.Principal{ID: "test"}, nil)
	var all []records.Content
	for i := range 5000 {
		category := "laboratory"
		if i%40 < 10 {
			category = "vital-signs"
		}
		all = append(all, records.Content{JSON: fmt.Appendf(nil, `{"resourceType":"Observation","id":"o%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"%s"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"%d-0"}],"text":"Kind %d"},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"%d-%02d-%02d","valueQuantity":{"value":%d,"unit":"mg"},"referenceRange":[{"low":{"value":10},"high":{"value":90}}]}`,
			i, category, 1000+i%40, i%40, 2010+i/500, 1+i/40%12, 1+i%28, i%100)})
	}
	if _, err := s.Load(b.Context(), all, records.LoadOptions{}); err != nil {
		b.Fatal(err)
	}
	noor := w.as("noor")
	for _, path := range []string{"", "/results", "/timeline", "/trend?code=http%3A%2F%2Floinc.org%7C1011-0"} {
		b.Run("page"+path, func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = len(noor.Get("/clinic/patient/ann" + path).Want(200).Body)
			}
			b.ReportMetric(float64(size), "bytes/page")
		})
	}
}
