package fhirapi

import (
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// expandOperation is ValueSet/$expand (R4 §4.9.18.1).
func expandOperation() *operation {
	return &operation{
		name: "expand", url: "http://hl7.org/fhir/OperationDefinition/ValueSet-expand",
		types: []fhir.Type{"ValueSet"}, typed: true, instance: true, run: terminologyOperation((*records.Session).Expand),
		doc: "Lists the codes of a value set that is stored, loaded or sent along, with paging, text filter, languages, designations, properties and versions.",
	}
}
