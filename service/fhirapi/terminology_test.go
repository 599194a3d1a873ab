package fhirapi_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
)

const (
	shapes = `{"resourceType":"CodeSystem","id":"shapes","url":"urn:shapes","version":"1.0","name":"Shapes","status":"active","caseSensitive":true,"content":"complete",
		"property":[{"code":"sides","uri":"urn:sides","type":"integer"}],
		"concept":[{"code":"shape","display":"Shape","concept":[{"code":"square","display":"Square","designation":[{"language":"de","value":"Quadrat"}],"property":[{"code":"sides","valueInteger":4}]},{"code":"circle","display":"Circle"}]}]}`
	allShapes = `{"resourceType":"ValueSet","id":"all","url":"urn:all-shapes","version":"2","status":"active","compose":{"include":[{"system":"urn:shapes"}]}}`
	gender    = "http://hl7.org/fhir/ValueSet/administrative-gender"
	shapeMap  = `{"resourceType":"ConceptMap","id":"map","url":"urn:shape-map","version":"1","status":"active","group":[{"source":"urn:shapes","target":"urn:forms","element":[{"code":"square","target":[{"code":"q","equivalence":"equivalent"}]}]}]}`
)

// withShapes is a server on which these are stored.
func withShapes(t *testing.T, options ...option) *server {
	s := newServer(t, options...)
	s.put("/CodeSystem/shapes", shapes)
	s.put("/ValueSet/all", allShapes)
	s.put("/ConceptMap/map", shapeMap)
	return s
}

func TestTerminologyOperationsAreCalledByGetAndPostOnTypeAndInstance(t *testing.T) {
	s := withShapes(t)
	const square = `"display","valueString":"Square"`
	for _, k := range []struct{ path, body, want string }{
		{"/ValueSet/$expand?url=urn:all-shapes", "", `"code":"shape","display":"Shape","contains":[{"system":"urn:shapes","code":"square"`},
		{"/ValueSet/all/$expand?excludeNested=true&count=1&offset=1", "", `"total":3,"offset":1`},
		{"/ValueSet/$expand", `{"name":"url","valueUri":"urn:all-shapes"},{"name":"filter","valueString":"squ"}`, `"total":1`},
		{"/ValueSet/$expand?url=urn:all-shapes&displayLanguage=de&property=sides", "", `"valueInteger":4`},
		{"/ValueSet/$expand", `{"name":"valueSet","resource":{"resourceType":"ValueSet","status":"active","compose":{"include":[{"system":"urn:shapes","concept":[{"code":"circle"}]}]}}}`, `"code":"circle"`},
		{"/ValueSet/$expand", `{"name":"url","valueUri":"urn:t"},{"name":"tx-resource","resource":{"resourceType":"ValueSet","url":"urn:t","status":"active","compose":{"include":[{"system":"urn:shapes","filter":[{"property":"sides","op":"=","value":"4"}]}]}}}`, `"code":"square"`},
		{"/ValueSet/$validate-code?url=urn:all-shapes&system=urn:shapes&code=square", "", square},
		{"/ValueSet/all/$validate-code?system=urn:shapes&code=oval", "", `"result","valueBoolean":false`},
		{"/ValueSet/$validate-code", `{"name":"url","valueUri":"urn:all-shapes"},{"name":"coding","valueCoding":{"system":"urn:shapes","code":"square","display":"Oval"}}`, `invalid-display`},
		{"/ValueSet/$validate-code", `{"name":"url","valueUri":"urn:all-shapes"},{"name":"codeableConcept","valueCodeableConcept":{"coding":[{"system":"urn:y","code":"1"},{"system":"urn:shapes","code":"square"}]}}`, `"result","valueBoolean":true`},
		{"/ValueSet/$validate-code?url=urn:all-shapes&coding=urn:shapes|square", "", square},
		{"/ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/ucum-units&system=http://unitsofmeasure.org&code=mg/dL", "", `"result","valueBoolean":true`},
		{"/ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/ucum-units&system=http://unitsofmeasure.org&code=milligram", "", `"result","valueBoolean":false`},
		{"/CodeSystem/$validate-code?url=urn:shapes&code=square", "", square},
		{"/CodeSystem/shapes/$validate-code?code=square&abstract=false", "", square},
		{"/CodeSystem/$validate-code", `{"name":"coding","valueCoding":{"system":"urn:shapes","code":"nope"}}`, `Unknown code 'nope'`},
		{"/CodeSystem/$lookup?system=urn:shapes&code=square", "", `"name","valueString":"Shapes"`},
		{"/CodeSystem/$lookup?system=urn:shapes&code=square&displayLanguage=de", "", `"display","valueString":"Quadrat"`},
		{"/CodeSystem/shapes/$lookup?code=square&property=sides&property=parent", "", `{"name":"code","valueCode":"sides"},{"name":"value","valueInteger":4}`},
		{"/CodeSystem/$lookup", `{"name":"coding","valueCoding":{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"MTH"}}`, `"display","valueString":"mother"`},
		{"/CodeSystem/$subsumes?system=urn:shapes&codeA=shape&codeB=circle", "", `"outcome","valueCode":"subsumes"`},
		{"/CodeSystem/shapes/$subsumes?codeA=circle&codeB=square", "", `"outcome","valueCode":"not-subsumed"`},
		{"/CodeSystem/$subsumes", `{"name":"codingA","valueCoding":{"system":"urn:shapes","code":"circle"}},{"name":"codingB","valueCoding":{"system":"urn:shapes","code":"shape"}}`, `"subsumed-by"`},
		{"/ConceptMap/$translate?url=urn:shape-map&system=urn:shapes&code=square", "", `"equivalence","valueCode":"equivalent"},{"name":"concept","valueCoding":{"system":"urn:forms","code":"q"}}`},
		{"/ConceptMap/map/$translate?system=urn:forms&code=q&reverse=true", "", `"code":"square"`},
		{"/ConceptMap/$translate", `{"name":"targetCoding","valueCoding":{"system":"urn:forms","code":"q"}},{"name":"sourceSystem","valueUri":"urn:shapes"}`, `"code":"square"`},
		{"/ConceptMap/$translate?sourceCode=square&system=urn:shapes&targetSystem=urn:forms", "", `"code":"q"`},
	} {
		if k.body == "" {
			s.get(k.path).want(200).has(k.want)
			continue
		}
		s.do("POST", k.path, `{"resourceType":"Parameters","parameter":[`+k.body+`]}`).want(200).has(k.want)
	}
	s.do("POST", "/ValueSet/$expand", "url=urn:all-shapes&count=1", "Content-Type", "application/x-www-form-urlencoded").want(200).has(`"total":3`)
	s.get("/ValueSet/all/$expand?_format=xml").want(200).has("<ValueSet", `<code value="circle"/>`)
}

func TestTerminologyOperationsRefuseWhatTheyCannotDo(t *testing.T) {
	s := withShapes(t)
	for _, k := range []struct {
		path   string
		status int
		says   string
	}{
		{"/ValueSet/$expand", 400, "url or valueSet"},
		{"/ValueSet/$expand?url=urn:none", 404, "urn:none"},
		{"/ValueSet/none/$expand", 404, "none"},
		{"/ValueSet/$expand?url=urn:all-shapes&cuont=1", 400, "count"},
		{"/ValueSet/$expand?url=urn:all-shapes&count=-1", 400, "count"},
		{"/ValueSet/$expand?url=urn:all-shapes&activeOnly=yes", 400, "activeOnly"},
		{"/ValueSet/$expand?url=urn:all-shapes&date=2020", 501, "date"},
		{"/ValueSet/$expand?url=urn:all-shapes&displayLanguage=-", 400, "displayLanguage"},
		{"/ValueSet/$expand?url=urn:all-shapes&system-version=urn:shapes", 400, "system-version"},
		{"/ValueSet/$expand?url=urn:all-shapes&useSupplement=urn:sup", 422, "urn:sup"},
		{"/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/ucum-units", 422, "grammar"},
		{"/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/condition-code", 422, "http://snomed.info/sct"},
		{"/ValueSet/$validate-code?url=urn:all-shapes", 400, "code"},
		{"/ValueSet/$validate-code?url=urn:none&code=a", 404, "urn:none"},
		{"/ValueSet/$validate-code?url=urn:all-shapes&code=a&coding=b", 400, "only one"},
		{"/CodeSystem/$lookup?system=urn:shapes&code=oval", 404, "oval"},
		{"/CodeSystem/$lookup?system=urn:none&code=oval", 404, "urn:none"},
		{"/CodeSystem/$lookup?code=oval", 400, "system"},
		{"/CodeSystem/$subsumes?system=urn:shapes&codeA=circle", 400, "codeB"},
		{"/ConceptMap/$translate?url=urn:none&code=a", 404, "urn:none"},
		{"/ConceptMap/$translate?code=a", 400, "which map"},
		{"/CodeSystem/$lookup", 400, "code or coding."},
		{"/ValueSet/$expand?url=urn:all-shapes&filter=%00", 400, "filter"},
		{"/ValueSet/$expand?url=urn:all-shapes&filter=%20", 400, "white space"},
		{"/ValueSet/$expand?url=urn:all-shapes&exclude-system=a%20b", 400, "exclude-system"},
		{"/ValueSet/$validate-code?url=urn:all-shapes&system=urn:shapes&code=a%20%20b", 400, "single spaces"},
		{"/CodeSystem/$validate-code?url=urn:shapes&code=circle&display=%01", 400, "U+0001"},
		{"/Patient/$expand", 404, "ValueSet"},
		{"/$lookup", 404, "CodeSystem"},
	} {
		s.get(k.path).want(k.status).has(`"resourceType":"OperationOutcome"`, k.says)
	}
	s.do("POST", "/ValueSet/$expand", `{"resourceType":"Parameters","parameter":[{"name":"valueSet","resource":{"resourceType":"Patient"}}]}`).want(400).has("must hold a ValueSet", "Parameters.parameter[0]")
	s.do("POST", "/ValueSet/$batch-validate-code", `{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"urn:all-shapes"}]}`).want(400).has("validation")
}

func TestAVersionWithABlankIsRepeatedInXML(t *testing.T) {
	s := withShapes(t)
	s.get("/ValueSet/$validate-code?url=urn:all-shapes&system=urn:shapes&code=circle&systemVersion=a%20b&_format=xml").want(200).has("urn:shapes|a%20b")
}

func TestTerminologyOperationsWorkInABatch(t *testing.T) {
	s := withShapes(t)
	a := s.do("POST", "", `{"resourceType":"Bundle","type":"batch","entry":[
		{"request":{"method":"GET","url":"ValueSet/$expand?url=urn:all-shapes"}},
		{"request":{"method":"POST","url":"ValueSet/$validate-code"},"resource":{"resourceType":"Parameters","parameter":[{"name":"url","valueUri":"urn:all-shapes"},{"name":"coding","valueCoding":{"system":"urn:shapes","code":"circle"}}]}},
		{"request":{"method":"GET","url":"CodeSystem/$lookup?system=urn:shapes&code=none"}},
		{"request":{"method":"GET","url":"CodeSystem/shapes/$subsumes?codeA=shape&codeB=square"}}]}`).want(200)
	b := a.bundle()
	for i, want := range []string{"200", "200", "404", "200"} {
		if got := b.Entry[i].Response.Status; !strings.HasPrefix(got, want) {
			t.Errorf("entry %d: %s, want %s: %s", i, got, want, b.Entry[i].Resource)
		}
	}
	a.has(`"total":3`, `"display","valueString":"Circle"`, `"valueCode":"subsumes"`, `Unknown code 'none'`)
}

// R4 has no properties in expansions: they are in the extensions by which
// later elements come back to it.
func TestAnExpansionIsToldInTheElementsOfItsRelease(t *testing.T) {
	r5 := testpackage.R5(t)
	s := withShapes(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		c.Others = []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B), r5}
	})
	const path = "/ValueSet/$expand?url=urn:all-shapes&property=sides"
	s.get(path).want(200).has("extension-ValueSet.expansion.contains.property", `{"url":"value","valueInteger":4}`).hasNot(`"property":[`)
	s.get(path, "Accept", "application/fhir+json; fhirVersion=4.3").want(200).has("extension-ValueSet.expansion.contains.property")
	s.get("/ValueSet/$expand?url="+gender, "Accept", "application/fhir+json; fhirVersion=4.3").want(200).has(`"version":"4.3.0"`, `"total":4`)
	s.get(path, "Accept", "application/fhir+json; fhirVersion=5.0").want(200).has(`"property":[{"code":"sides","valueInteger":4}]`).hasNot("extension-ValueSet")
	s.get("/ConceptMap/$translate?url=urn:shape-map&system=urn:shapes&code=square", "Accept", "application/fhir+json; fhirVersion=5.0").want(200).
		has(`"relationship","valueCode":"equivalent"`, `"originMap","valueCanonical":"urn:shape-map|1"`)
}

func TestTheTerminologyCapabilitiesAreThoseThatThereAre(t *testing.T) {
	s := newServer(t)
	s.get("/metadata?mode=terminology").want(200).has(`"resourceType":"TerminologyCapabilities"`, `"uri":"http://hl7.org/fhir/administrative-gender"`,
		`"name":"displayLanguage"`, `"paging":true`).hasNot(`"uri":"http://snomed.info/sct"`)
	s.do("POST", "/TerminologyCapabilities/$validate", s.get("/metadata?mode=terminology").body).want(200).hasNot(`"severity":"error"`)
	a := s.get("/metadata?_elements=rest").want(200)
	for _, definition := range []string{"ValueSet-expand", "ValueSet-validate-code", "CodeSystem-validate-code", "CodeSystem-lookup", "CodeSystem-subsumes", "ConceptMap-translate"} {
		a.has("http://hl7.org/fhir/OperationDefinition/" + definition)
	}
	if n := strings.Count(a.body, "ValueSet-expand"); n != 1 {
		t.Errorf("$expand is listed %d times", n)
	}
}

func TestClosureIsNotThereAndNotListed(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/$closure", `{"resourceType":"Parameters","parameter":[{"name":"name","valueString":"mine"}]}`).has("$closure (http://hl7.org/fhir/OperationDefinition/ConceptMap-closure) is not performed by this server").outcome("not-supported")
	s.get("/metadata").want(200).hasNot(`"closure"`)
}
