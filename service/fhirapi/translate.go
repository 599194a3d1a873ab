package fhirapi

import (
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// translateOperation is ConceptMap/$translate (R4 §4.10.17.1).
func translateOperation() *operation {
	return &operation{
		name: "translate", url: "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate",
		types: []fhir.Type{"ConceptMap"}, typed: true, instance: true, run: terminologyOperation((*records.Session).Translate),
		doc: "Finds what concept maps make of a code, forwards or in reverse, by the parameters of R4 and of R5.",
	}
}
