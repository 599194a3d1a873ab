package label_test

import (
	"testing"

	"github.com/inglehealth/ingle/engine/label"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// BenchmarkApply is what labels cost a resource that gets none.
func BenchmarkApply(b *testing.B) {
	l := label.New(label.Shipped(), nil, always)
	tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(`{"resourceType":"Observation","id":"o","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/bp"]},
		"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],
		"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood Pressure"}],"text":"Blood Pressure"},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"},
		"effectiveDateTime":"2011-01-01T00:00:00Z","issued":"2011-01-01T00:00:00.000Z",
		"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}],"text":"Diastolic"},"valueQuantity":{"value":83,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
			{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}],"text":"Systolic"},"valueQuantity":{"value":121,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`), fhir.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if touched, err := l.Apply(tree); touched || err != nil {
			b.Fatal(touched, err)
		}
	}
}
