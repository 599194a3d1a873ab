package bulk_test

import "testing"

func TestAGroupOfCriteriaIsExportedAsOfTheMomentOfTheExport(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t)
		group := func(expression string) string {
			return `{"resourceType":"Group","id":"women","type":"person","actual":false,"name":"Women with a blood pressure","modifierExtension":[
				{"url":"http://hl7.org/fhir/uv/bulkdata/StructureDefinition/member-filter","valueExpression":{"language":"application/x-fhir-query","expression":"Patient?gender=female"}},
				{"url":"http://hl7.org/fhir/uv/bulkdata/StructureDefinition/member-filter","valueExpression":{"language":"application/x-fhir-query","expression":"` + expression + `"}}]}`
		}
		p.put(group("Observation?code=http://loinc.org|8480-6&status=final"))
		const export = "Group/women/$export?_type=Patient"
		if got := p.export(export); got != "Patient/ann" {
			t.Errorf("%q", got)
		}
		p.put(`{"resourceType":"Patient","id":"cid","gender":"female"}`, `{"resourceType":"Patient","id":"ann","gender":"other"}`,
			`{"resourceType":"Observation","id":"c1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"subject":{"reference":"Patient/cid"}}`)
		if got := p.export(export); got != "Patient/cid" {
			t.Errorf("%q", got)
		}
	})
}
