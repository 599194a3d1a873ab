package fhirapi

import (
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// validateCodeOperation is ValueSet/$validate-code (R4 §4.9.18.2) and
// CodeSystem/$validate-code (R4 §4.8.18.2).
func validateCodeOperation() *operation {
	return &operation{
		name: "validate-code", url: "http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code",
		types: []fhir.Type{"CodeSystem", "ValueSet"}, typed: true, instance: true, run: terminologyOperation((*records.Session).ValidateCode),
		doc: "Says whether a code, with its display and version, is in a value set or a code system, and if not, why.",
	}
}
