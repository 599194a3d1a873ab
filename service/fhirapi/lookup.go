package fhirapi

import (
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// lookupOperation is CodeSystem/$lookup (R4 §4.8.18.1).
func lookupOperation() *operation {
	return &operation{
		name: "lookup", url: "http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup",
		types: []fhir.Type{"CodeSystem"}, typed: true, instance: true, run: terminologyOperation((*records.Session).Lookup),
		doc: "Tells the display, definition, designations and properties of a code.",
	}
}
