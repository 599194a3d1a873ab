package fhirpath_test

import (
	"context"
	"testing"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

const observation = `{"resourceType":"Observation","id":"bp","meta":{"lastUpdated":"2026-02-03T04:05:06Z"},
"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Blood pressure</div>"},
"extension":[{"url":"http://example.org/a","valueString":"x"},{"url":"http://example.org/b","valueCode":"y"}],
"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel"}],"text":"Blood pressure"},
"subject":{"reference":"Patient/123"},"encounter":{"reference":"Encounter/7"},"effectiveDateTime":"2026-02-03T04:05:06+01:00",
"valueQuantity":{"value":120.5,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"},
"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`

const patient = `{"resourceType":"Patient","id":"123","active":true,
"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","valueAddress":{"city":"Bergen"}},{"url":"http://example.org/b","valueCode":"y"}],
"identifier":[{"system":"http://example.org/mrn","value":"1"}],
"name":[{"use":"official","family":"Ås","given":["Kari","Anne"]},{"use":"usual","given":["Kari"]}],
"telecom":[{"system":"phone","value":"1"},{"system":"email","value":"k@example.org"}],
"gender":"female","birthDate":"1974-12-25","address":[{"city":"Oslo","line":["Gate 1"]}],"deceasedBoolean":false,
"contact":[{"name":{"family":"Ås"}}],"managingOrganization":{"reference":"Organization/1"}}`

func BenchmarkExpression(b *testing.B) {
	list := []struct{ resource, expression string }{
		{observation, "Observation.code"},
		{observation, "Observation.component.code"},
		{patient, "Patient.name.family"},
		{patient, "Patient.name.given"},
		{observation, "(Observation.value as Quantity)"},
		{observation, "(Observation.value as Quantity) | (Observation.value as SampledData)"},
		{observation, "Observation.subject.where(resolve() is Patient)"},
		{patient, "Patient.extension.where(url='http://hl7.org/fhir/StructureDefinition/patient-birthPlace').value"},
		{patient, "Patient.deceased.exists() and Patient.deceased != false"},
		{patient, "Patient.telecom.where(system='email')"},
		{observation, "AllergyIntolerance.code | AllergyIntolerance.reaction.substance | Condition.code | (DeviceRequest.code as CodeableConcept) | DiagnosticReport.code | FamilyMemberHistory.condition.code | List.code | Medication.code | (MedicationAdministration.medication as CodeableConcept) | (MedicationDispense.medication as CodeableConcept) | (MedicationRequest.medication as CodeableConcept) | (MedicationStatement.medication as CodeableConcept) | Observation.code | Procedure.code | ServiceRequest.code"},
		{observation, "hasValue() or (children().count() > id.count())"},
		{observation, "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()"},
		{observation, "extension.exists() != value.exists()"},
		{observation, "subject.all(reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids')))"},
		{observation, "dataAbsentReason.empty() or value.empty()"},
		{observation, "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()"},
	}
	d := definitions.MustBuiltIn(definitions.R4)
	env := &fhirpath.Env{Definitions: d}
	for _, c := range list {
		tree, err := fhir.ParseJSON(d, []byte(c.resource), fhir.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		name := c.expression
		if len(name) > 60 {
			name = name[:60]
		}
		b.Run(name, func(b *testing.B) {
			x := fhirpath.MustCompile(c.expression)
			var out fhirpath.Collection
			b.ReportAllocs()
			for b.Loop() {
				if out, err = x.AppendNode(context.Background(), env, tree.Root(), out[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkExtraction evaluates all search parameters of a resource, as the
// index of one write does.
func BenchmarkExtraction(b *testing.B) {
	d := definitions.MustBuiltIn(definitions.R4)
	env := &fhirpath.Env{Definitions: d}
	for _, text := range []string{observation, patient} {
		tree, err := fhir.ParseJSON(d, []byte(text), fhir.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		var list []*fhirpath.Expression
		for _, p := range d.SearchParameters(tree.Root().Type().Name) {
			if p.Expression != "" {
				list = append(list, fhirpath.MustCompile(p.Expression))
			}
		}
		b.Run(tree.Root().Type().Name, func(b *testing.B) {
			var out fhirpath.Collection
			b.ReportAllocs()
			b.ReportMetric(float64(len(list)), "expressions")
			for b.Loop() {
				for _, x := range list {
					if out, err = x.AppendNode(context.Background(), env, tree.Root(), out[:0]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkInvariants checks all invariants of all elements of a resource.
func BenchmarkInvariants(b *testing.B) {
	d := definitions.MustBuiltIn(definitions.R4)
	env := &fhirpath.Env{Definitions: d}
	cache := compiled{}
	for _, text := range []string{observation, patient} {
		tree, err := fhir.ParseJSON(d, []byte(text), fhir.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		type check struct {
			n fhir.Node
			x *fhirpath.Expression
		}
		var checks []check
		add := func(n fhir.Node) {
			for t := n.Type(); t != nil; t = t.Base {
				for _, i := range t.Invariants {
					if i.Expression != "" {
						checks = append(checks, check{n, cache.get(b, i.Expression)})
					}
				}
			}
		}
		add(tree.Root())
		for n := range tree.Root().Descendants() {
			add(n)
		}
		b.Run(tree.Root().Type().Name, func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(len(checks)), "checks")
			for b.Loop() {
				for _, c := range checks {
					if _, err := c.x.Holds(context.Background(), env, c.n); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
