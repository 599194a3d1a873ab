package searchtest

import (
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// peculiar are resources with values of the kinds that a patient's record
// seldom has: numbers, places, hierarchies, canonicals with versions, URLs,
// identifiers of a type, references by identifier or with a display only, and
// narratives.
func peculiar(t *testing.T, d *definitions.Definitions) []*fhir.Tree {
	t.Helper()
	var trees []*fhir.Tree
	for _, text := range []string{
		`{"resourceType":"RiskAssessment","id":"px-risk-1","status":"final","subject":{"reference":"Patient/px-p"},"prediction":[{"probabilityDecimal":0.25},{"probabilityDecimal":0.5}]}`,
		`{"resourceType":"RiskAssessment","id":"px-risk-2","status":"final","subject":{"reference":"Patient/px-p"},"prediction":[{"probabilityDecimal":0.750}]}`,
		`{"resourceType":"RiskAssessment","id":"px-risk-3","status":"final","subject":{"reference":"Patient/px-p"}}`,
		`{"resourceType":"Patient","id":"px-p","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"urn:mrn","value":"12-34"}],"generalPractitioner":[{"identifier":{"system":"urn:npi","value":"99"}},{"display":"Doctor Who"}],
			"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">A very peculiar person</div>"}}`,
		`{"resourceType":"Location","id":"px-house","name":"House","position":{"longitude":-71.06,"latitude":42.36}}`,
		`{"resourceType":"Location","id":"px-ward","name":"Ward","position":{"longitude":13.4,"latitude":52.5},"partOf":{"reference":"Location/px-house"}}`,
		`{"resourceType":"Location","id":"px-room","name":"Room","partOf":{"reference":"Location/px-ward"}}`,
		`{"resourceType":"Encounter","id":"px-e1","status":"finished","class":{"code":"AMB"},"location":[{"location":{"reference":"Location/px-ward"}}]}`,
		`{"resourceType":"Encounter","id":"px-e2","status":"finished","class":{"code":"AMB"},"location":[{"location":{"reference":"Location/px-room"}}]}`,
		`{"resourceType":"CarePlan","id":"px-plan-1","status":"active","intent":"plan","subject":{"reference":"Patient/px-p"},"instantiatesCanonical":["http://example.org/PlanDefinition/a|1.2.3"]}`,
		`{"resourceType":"CarePlan","id":"px-plan-2","status":"active","intent":"plan","subject":{"reference":"Patient/px-p"},"instantiatesCanonical":["http://example.org/PlanDefinition/a|1.3","http://example.org/PlanDefinition/b|10.2"],"instantiatesUri":["urn:other"]}`,
		`{"resourceType":"ValueSet","id":"px-set-1","status":"active","url":"http://example.org/fhir/ValueSet/a","compose":{"include":[{"system":"http://example.org/fhir/CodeSystem/a"}]}}`,
		`{"resourceType":"ValueSet","id":"px-set-2","status":"active","url":"http://example.org/fhir/ValueSet/a/b","compose":{"include":[{"system":"urn:oid:1.2.3"}]}}`,
		`{"resourceType":"ValueSet","id":"px-set-3","status":"active","url":"http://example.org/fhirs","compose":{"include":[{"system":"http://example.org/fhir/CodeSystem/a"}]}}`,
	} {
		tree, err := fhir.ParseJSON(d, []byte(text), fhir.Limits{})
		if err != nil && d.Release == definitions.R4 {
			t.Fatal(err)
		}
		if err != nil {
			continue // it has another form in that release
		}
		trees = append(trees, tree)
	}
	return trees
}
