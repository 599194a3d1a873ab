package fhirapi_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestValidateExplainsWhatIsWrong(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	bad := `{"resourceType":"Patient","gender":"woman"}`
	s.do("POST", "/Patient/$validate", alice).want(200).hasNot(`"severity":"error"`)
	s.do("POST", "/Patient/$validate", bad).want(200).has("Patient.gender", `"severity":"error"`)
	s.do("POST", "/$validate", bad).want(200).has("Patient.gender")
	s.do("POST", "/Patient/$validate", `{"resourceType":"Patient","nam":1}`).want(200).has("nam", `"severity":"error"`)
	s.do("POST", "/Patient/$validate", `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":`+bad+`},{"name":"mode","valueCode":"create"}]}`).want(200).has("Patient.gender")
	s.do("POST", "/Patient/$validate", `<Patient xmlns="http://hl7.org/fhir"><gender value="woman"/></Patient>`, "Content-Type", "application/fhir+xml").want(200).has("Patient.gender")
	s.get("/Patient/alice/$validate").want(200).hasNot(`"severity":"error"`)
	s.get("/Patient/alice/$validate?mode=delete").want(200)
	s.get("/Patient/alice/$validate?mode=nonsense").want(400)
	s.get("/Patient/none/$validate").want(404)
	s.do("POST", "/Patient/$validate", "").want(400)
	s.do("POST", "/Patient/$validate?profile=http://hl7.org/fhir/StructureDefinition/Patient", alice).want(200)
}

func TestFHIRPathIsEvaluatedOverAResourceInTheRequest(t *testing.T) {
	s := newServer(t)
	a := s.do("POST", "/$fhirpath", `{"resourceType":"Parameters","parameter":[
		{"name":"expression","valueString":"given.trace('t').first() & %who"},
		{"name":"context","valueString":"name"},
		{"name":"variables","part":[{"name":"who","valueString":"!"}]},
		{"name":"resource","resource":{"resourceType":"Patient","name":[{"given":["Ann","B"]},{"given":["Cy"]}]}}]}`).want(200)
	a.has(`{"name":"evaluator","valueString":"Ingle test (R4)"}`, `{"name":"result","valueString":"Patient.name[0]","part":[{"name":"string","valueString":"Ann!"}`,
		`{"name":"result","valueString":"Patient.name[1]","part":[{"name":"string","valueString":"Cy!"}`,
		`"name":"trace","valueString":"t","part":[{"extension":[{"url":"http://fhir.forms-lab.com/StructureDefinition/resource-path","valueString":"Patient.name[0].given[0]"}],"name":"string","valueString":"Ann"}`)
}

func TestFHIRPathTakesTheResourceAsTheBody(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/$fhirpath?expression=name.given", alice).want(200).has(`"valueString":"Alice"`)
	s.do("POST", "/$fhirpath?expression=name.given", `<Patient xmlns="http://hl7.org/fhir"><name><given value="Xu"/></name></Patient>`,
		"Content-Type", "application/fhir+xml").want(200).has(`"valueString":"Xu"`)
	s.do("POST", "/$fhirpath", alice).want(400).has("expression")
	s.do("POST", "/$fhirpath", "expression=1%2b1&resource=Patient/none", "Content-Type", "application/x-www-form-urlencoded").want(404)
}

func TestFHIRPathTellsWrongElementsWhenItIsToValidate(t *testing.T) {
	s := newServer(t)
	for address, says := range map[string]string{
		"expression=name.givn":                        "",
		"expression=name.givn&validate=false":         "",
		"expression=name.givn&validate=true":          "HumanName has no element givn; did you mean given?",
		"expression=name.given&validate=true":         "",
		"expression=given&context=name&validate=true": "",
		"expression=givn&context=name&validate=true":  "HumanName has no element givn",
		"expression=given&context=nam&validate=true":  "the context is not valid",
		"expression=name&validate=perhaps":            "validate",
	} {
		a := s.do("POST", "/$fhirpath?"+address, alice)
		if says == "" {
			a.want(200)
		} else {
			a.want(400).has(says)
		}
	}
}

const jsonValue = "http://fhir.forms-lab.com/StructureDefinition/json-value"

func TestFHIRPathResultsKeepTheirTypes(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", strings.Replace(alice, `"active"`, `"contact":[{"name":{"family":"Kin"}}],"active"`, 1))
	for expression, want := range map[string]string{
		"name":         `"name":"HumanName","valueHumanName":{"family":"Archer","given":["Alice"]}`,
		"birthDate":    `"name":"date","valueDate":"1980-02-29"`,
		"gender":       `"name":"code","valueCode":"female"`,
		"active.not()": `{"name":"boolean","valueBoolean":false}`,
		"1 + 1":        `{"name":"integer","valueInteger":2}`,
		"1.10":         `{"name":"decimal","valueDecimal":1.10}`,
		"4 'kg'":       `"valueQuantity":{"value":4,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}`,
		"@2020-01":     `{"name":"date","valueDate":"2020-01"}`,
		"''":           `{"name":"empty-string"}`,
		"contact":      `"name":"Patient.contact"`,
		"$this":        `"name":"Patient","resource":{"resourceType":"Patient"`,
		"{}":           `{"name":"result"}`,
		"4 days":       `{"name":"Quantity","valueQuantity":{"value":4,"unit":"day"}}`,
		"5 ''":         `{"name":"Quantity","valueQuantity":{"value":5}}`,
		"Quantity { value: 2, unit: 'tab', system: 'http://x', code: 'TAB' } * 3": `{"value":6,"unit":"TAB","system":"http://x","code":"TAB"}`,
		"10.0.power(40)": `{"name":"decimal","valueDecimal":1` + strings.Repeat("0", 40) + `}`,
		// What FHIR's types cannot hold is there as JSON.
		"@T14:30":              `{"extension":[{"url":"` + jsonValue + `","valueString":"\"14:30\""}],"name":"time"}`,
		"@2020-01-01T14:30":    `{"extension":[{"url":"` + jsonValue + `","valueString":"\"2020-01-01T14:30\""}],"name":"dateTime"}`,
		"' '":                  `{"extension":[{"url":"` + jsonValue + `","valueString":"\" \""}],"name":"string"}`,
		`'\\f'`:                `{"extension":[{"url":"` + jsonValue + `","valueString":"\"\\f\""}],"name":"string"}`,
		"9223372036854775807L": `{"extension":[{"url":"` + jsonValue + `","valueString":"\"9223372036854775807\""}],"name":"integer64"}`,
	} {
		a := s.do("POST", "/Patient/alice/$fhirpath", `{"resourceType":"Parameters","parameter":[{"name":"expression","valueString":"`+expression+`"}]}`).want(200)
		// Parts that are elements of the resource carry their path before the name.
		if !strings.Contains(a.body, want) {
			t.Errorf("%s: %s is not in %s", expression, want, a.body[strings.Index(a.body, `"name":"result"`)-1:])
		}
	}
}

func TestALongIsAnInteger64WhereTheReleaseHasThem(t *testing.T) {
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		c.Others = []*definitions.Definitions{testpackage.R5(t)}
	})
	s.do("POST", "/$fhirpath?expression=2147483648L", `{"resourceType":"Patient","active":true}`, "Content-Type", "application/fhir+json; fhirVersion=5.0").
		want(200).has(`{"name":"integer64","valueInteger64":"2147483648"}`)
}

func TestFHIRPathReachesStoredResources(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Observation/o", weight("o", "alice"))
	s.get("/Patient/alice/$fhirpath?expression=name.family").want(200).has("Archer")
	s.get("/$fhirpath?expression=subject.resolve().name.family&resource=Observation/o").want(200).has(`"valueString":"Archer"`)
	s.get("/$fhirpath?expression=1&resource=Patient/none").want(404)
	s.get("/$fhirpath?expression=1&resource=nonsense").want(400)
	s.get("/Patient/alice/$fhirpath").want(400).has("expression")
	s.get("/Patient/alice/$fhirpath?expression=name.%26").want(400).has("column")
	s.get("/Patient/alice/$fhirpath?expression=%27a%27.toInteger(1,2,3)").want(400)
	s.get("/$fhirpath?expression=1").want(400).has("resource")
}

func TestExpungeNeedsItsPolicyAndAPost(t *testing.T) {
	body := `{"resourceType":"Parameters","parameter":[{"name":"expungePreviousVersions","valueBoolean":true}]}`
	closed := newServer(t)
	closed.put("/Patient/alice", alice)
	closed.do("POST", "/Patient/alice/$expunge", body).want(403)
	s := newServer(t, withPolicy(func(p *records.Policy) { p.Expunge = true }))
	s.put("/Patient/alice", alice)
	s.put("/Patient/alice", strings.Replace(alice, "Archer", "Baker", 1))
	s.get("/Patient/alice/$expunge").want(405)
	s.do("POST", "/Patient/alice/$expunge", `{"resourceType":"Parameters"}`).want(400)
	s.do("POST", "/Patient/alice/$expunge", `{"resourceType":"Parameters","parameter":[{"name":"all","valueBoolean":true}]}`).want(400).has("all")
	s.do("POST", "/Patient/alice/$expunge", body).want(200).has(`{"name":"count","valueInteger":1}`)
	s.get("/Patient/alice/_history/1").want(404)
	s.get("/Patient/alice").want(200)
}

// All but one would be dropped.
func TestAParameterThatIsTakenOnceIsRefusedWhenItIsGivenAgain(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Patient/a", `{"resourceType":"Patient","id":"a"}`).want(201)
	for _, address := range []string{
		"/Patient/a?_summary=true&_summary=data", "/Patient/a/_history/1?_elements=id&_elements=name", "/metadata?mode=full&mode=terminology",
		"/Patient/a/_history?_count=1&_count=2", "/Patient/_history?_since=2020&_since=2024", "/_history?_at=2020&_at=2024",
		"/Patient?_explain=false&_explain=true", "/Patient/a/$diff?fromVersion=1&fromVersion=2", "/$fhirpath?expression=1&expression=2",
		"/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&filter=a&filter=b",
		"/ConceptMap/$translate?code=a&code=b", "/CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male&code=female",
	} {
		s.get(address).want(400)
		s.get(address, "Prefer", "handling=lenient").want(400)
	}
	view := `{"name":"viewResource","resource":{"resourceType":"ViewDefinition","status":"active","resource":"Patient","select":[{"column":[{"name":"id","path":"id"}]}]}}`
	limit := `{"name":"_limit","valueInteger":1}`
	s.do("POST", "/ViewDefinition/$run", `{"resourceType":"Parameters","parameter":[`+view+`,`+limit+`]}`).want(200)
	s.do("POST", "/ViewDefinition/$run", `{"resourceType":"Parameters","parameter":[`+view+`,`+limit+`,`+limit+`]}`).want(400).has("_limit is given twice", "Parameters.parameter[2]")
	s.do("POST", "/ViewDefinition/$run?_limit=2", `{"resourceType":"Parameters","parameter":[`+view+`,`+limit+`]}`).want(400).has("_limit is given twice")
	s.get("/Patient/a/_history?_summary=count&_count=5").want(200).has(`"total":1`)
	s.get("/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&property=definition&property=status").want(200)
}

func TestAnOperationThatIsNotThereIsNamed(t *testing.T) {
	s := newServer(t)
	s.get("/Patient/$validat").want(404).has("$validate")
	s.do("POST", "/Patient/$match", alice).want(501).has("Patient-match")
	s.get("/Organization/$everything").want(404).has("Patient, Encounter")
	s.get("/Patient/x/_history/1/$everything").want(404)
	s.get("/$nonsense").want(404)
}
