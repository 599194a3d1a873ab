package fhirapi

import (
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// subsumesOperation is CodeSystem/$subsumes (R4 §4.8.18.3).
func subsumesOperation() *operation {
	return &operation{
		name: "subsumes", url: "http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes",
		types: []fhir.Type{"CodeSystem"}, typed: true, instance: true, run: terminologyOperation((*records.Session).Subsumes),
		doc: "Compares two codes of a code system by its hierarchy.",
	}
}
