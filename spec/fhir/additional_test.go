package fhir_test

import (
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestAViewDefinitionIsAResourceOfEveryRelease(t *testing.T) {
	const text = `{"resourceType":"ViewDefinition","id":"v","url":"http://example.org/v","name":"v","status":"active","resource":"Patient",` +
		`"constant":[{"name":"use","valueCode":"official"}],"select":[{"column":[{"path":"id","name":"id","type":"id"}],` +
		`"unionAll":[{"select":[{"column":[{"path":"family","name":"family","tag":[{"name":"ansi/type","value":"TEXT"}]}]}],"forEach":"name"}]}],"where":[{"path":"active"}]}`
	for _, r := range []definitions.Release{definitions.R4, definitions.R4B} {
		d := definitions.MustBuiltIn(r)
		if !d.IsResource("ViewDefinition") || !d.Additional("ViewDefinition") || d.Additional("Patient") {
			t.Errorf("%s: ViewDefinition is no additional resource", r)
		}
		tree, err := fhir.ParseJSON(d, []byte(text), fhir.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		xml, err := tree.Root().AppendXML(nil, false)
		if err != nil {
			t.Fatal(err)
		}
		back, err := fhir.ParseXML(d, xml, fhir.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		if got := string(back.Root().AppendJSON(nil)); got != text {
			t.Errorf("%s: through XML it became\n%s", r, got)
		}
	}
}
