package fhirapi

import (
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// batchValidateCodeOperation is $validate-code of many codes in one request,
// as HL7's terminology ecosystem defines it.
func batchValidateCodeOperation() *operation {
	return &operation{
		name: "batch-validate-code", url: "http://hl7.org/fhir/uv/tx-ecosystem/OperationDefinition/ValueSet-batch-validate-code",
		types: []fhir.Type{"CodeSystem", "ValueSet"}, typed: true, run: terminologyOperation((*records.Session).BatchValidateCode),
		doc: "Performs $validate-code for each parameter called validation, and joins the other parameters to it.",
	}
}
