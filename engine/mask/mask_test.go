package mask

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/validate"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

var r4 = definitions.MustBuiltIn(definitions.R4)

func parse(t testing.TB, text string) *fhir.Tree {
	t.Helper()
	tree, err := fhir.ParseJSON(r4, []byte(text), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func jsonOf(t *fhir.Tree) string { return string(t.Root().AppendJSON(nil)) }

// valid fails when a resource is not.
func valid(t testing.TB, tree *fhir.Tree) {
	t.Helper()
	text := jsonOf(tree)
	if issues := validate.New(r4, validate.Options{}).Check(t.Context(), parse(t, text)); len(issues) > 0 {
		t.Errorf("%s\n%v", text, issues)
	}
}

const redactedMeta = `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"REDACTED"}]}`

func TestWhatIsMaskedIsGoneAndTheRestIsValid(t *testing.T) {
	const reason = `{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}`
	for _, c := range []struct{ paths, resource, want string }{
		{"Patient.address Patient.photo", `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Main Street</div>"},"name":[{"family":"A"}],"address":[{"city":"B"}]}`,
			`{"resourceType":"Patient","id":"p",` + redactedMeta + `,"name":[{"family":"A"}]}`},
		{"Patient.address", `{"resourceType":"Patient","id":"p"}`, `{"resourceType":"Patient","id":"p",` + redactedMeta + `}`},
		{"Patient.address", `{"resourceType":"Group","id":"g","type":"person","actual":true}`, ""},
		{"Patient.name.given", `{"resourceType":"Patient","name":[{"family":"A","given":["B","C"]},{"given":["D"]}]}`, `{"resourceType":"Patient",` + redactedMeta + `,"name":[{"family":"A"}]}`},
		{"Observation.value Observation.code", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1}}`,
			`{"resourceType":"Observation",` + redactedMeta + `,"status":"final","code":` + reason + `}`},
		{"Observation.status", `{"resourceType":"Observation","status":"final","code":{"text":"x"}}`, `{"resourceType":"Observation",` + redactedMeta + `,"_status":` + reason + `,"code":{"text":"x"}}`},
		{"MedicationRequest.medication", `{"resourceType":"MedicationRequest","status":"active","intent":"order","medicationCodeableConcept":{"text":"x"},"subject":{"reference":"Patient/p"}}`,
			`{"resourceType":"MedicationRequest",` + redactedMeta + `,"status":"active","intent":"order","medicationCodeableConcept":` + reason + `,"subject":{"reference":"Patient/p"}}`},
		{"Patient.name", `{"resourceType":"Observation","status":"final","contained":[{"resourceType":"Patient","id":"c","name":[{"family":"A"}],"gender":"male"}],"code":{"text":"x"},"subject":{"reference":"#c"}}`,
			`{"resourceType":"Observation",` + redactedMeta + `,"status":"final","contained":[{"resourceType":"Patient","id":"c","gender":"male"}],"code":{"text":"x"},"subject":{"reference":"#c"}}`},
		{"MedicationRequest.medication", `{"resourceType":"MedicationRequest","contained":[{"resourceType":"Medication","id":"m","ingredient":[{"itemReference":{"reference":"#s"}}]},{"resourceType":"Substance","id":"s","code":{"text":"x"}},{"resourceType":"Practitioner","id":"d"}],"status":"active","intent":"order","medicationReference":{"reference":"#m"},"subject":{"reference":"Patient/p"},"requester":{"reference":"#d"}}`,
			`{"resourceType":"MedicationRequest",` + redactedMeta + `,"contained":[{"resourceType":"Practitioner","id":"d"}],"status":"active","intent":"order","medicationReference":` + reason + `,"subject":{"reference":"Patient/p"},"requester":{"reference":"#d"}}`},
		{"MedicationRequest.medication", `{"resourceType":"MedicationRequest","contained":[{"resourceType":"Medication","id":"m"}],"status":"active","intent":"order","medicationReference":{"reference":"#m"},"subject":{"reference":"Patient/p"},"supportingInformation":[{"reference":"#m"}]}`,
			`{"resourceType":"MedicationRequest",` + redactedMeta + `,"contained":[{"resourceType":"Medication","id":"m"}],"status":"active","intent":"order","medicationReference":` + reason + `,"subject":{"reference":"Patient/p"},"supportingInformation":[{"reference":"#m"}]}`},
		{"Medication.ingredient", `{"resourceType":"MedicationRequest","contained":[{"resourceType":"Medication","id":"m","ingredient":[{"itemReference":{"reference":"#s"}}]},{"resourceType":"Substance","id":"s","code":{"text":"x"}}],"status":"active","intent":"order","medicationReference":{"reference":"#m"},"subject":{"reference":"Patient/p"}}`,
			`{"resourceType":"MedicationRequest",` + redactedMeta + `,"contained":[{"resourceType":"Medication","id":"m"}],"status":"active","intent":"order","medicationReference":{"reference":"#m"},"subject":{"reference":"Patient/p"}}`},
		{"Encounter.diagnosis", `{"resourceType":"Encounter","contained":[{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"},"encounter":{"reference":"#"}},{"resourceType":"Provenance","id":"v","target":[{"reference":"#"}],"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"A"}}]}],"status":"finished","class":{"code":"AMB"},"diagnosis":[{"condition":{"reference":"#c"}}]}`,
			`{"resourceType":"Encounter",` + redactedMeta + `,"contained":[{"resourceType":"Provenance","id":"v","target":[{"reference":"#"}],"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"A"}}]}],"status":"finished","class":{"code":"AMB"}}`},
		{"QuestionnaireResponse.questionnaire Patient.address", `{"resourceType":"QuestionnaireResponse","contained":[{"resourceType":"Questionnaire","id":"q","status":"active"}],"questionnaire":"#q","status":"completed"}`,
			`{"resourceType":"QuestionnaireResponse",` + redactedMeta + `,"status":"completed"}`},
		{"Patient.address", `{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>A</p><img src=\"#i\" alt=\"A\"/></div>"},"contained":[{"resourceType":"Binary","id":"i","contentType":"image/png","data":"AAAA"}]}`,
			`{"resourceType":"Patient",` + redactedMeta + `}`},
		{"Patient.communication.language", `{"resourceType":"Patient","communication":[{"language":{"text":"x"},"preferred":true}]}`,
			`{"resourceType":"Patient",` + redactedMeta + `,"communication":[{"language":` + reason + `,"preferred":true}]}`},
	} {
		tree := parse(t, c.resource)
		var paths []Path
		for p := range strings.FieldsSeq(c.paths) {
			if err := Path(p).Check(r4); err != nil {
				t.Error(err)
			}
			paths = append(paths, Path(p))
		}
		concerned, err := Apply(tree, paths, false)
		if err != nil {
			t.Fatal(err)
		}
		want := c.want
		if want == "" {
			want = c.resource
		}
		if got := jsonOf(tree); concerned != (c.want != "") || jsonOf(parse(t, got)) != jsonOf(parse(t, want)) {
			t.Errorf("%s: %s\ngot  %s\nwant %s", c.paths, c.resource, got, want)
		}
		valid(t, tree)
	}
}

func TestReferencesDoNotTellOfMaskedElements(t *testing.T) {
	observation := func(subject, more string) string {
		return `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":` + subject + more + `}`
	}
	const narrative = `,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Adam</div>"}`
	for _, c := range []struct {
		path     Path
		resource string
		told     int // how often Adam is still named
	}{
		{"Patient.name", observation(`{"reference":"Patient/p","display":"Adam"}`, narrative), 0},
		{"Patient.name.family", observation(`{"reference":"http://elsewhere.example/fhir/Patient/p/_history/2","display":"Adam"}`, ""), 0},
		{"Patient.name", observation(`{"reference":"urn:uuid:9f3a1a2e-0c49-4e3a-8b62-1c0b0bde3f01","type":"Patient","display":"Adam"}`, ""), 0},
		{"Patient.name", observation(`{"identifier":{"value":"1"},"display":"Adam"}`, ""), 0}, // it may be to a Patient
		{"Patient.name", observation(`{"display":"Adam"}`, ""), 0},
		{"Patient.identifier", observation(`{"identifier":{"value":"Adam","assigner":{"display":"Adam"}}}`, ""), 0},
		{"Patient.name", observation(`{"reference":"#c","display":"Adam"}`, `,"contained":[{"resourceType":"Patient","id":"c"}]`), 0},
		{"Patient.name", observation(`{"reference":"Patient/p"}`, `,"extension":[{"url":"urn:e","valueReference":{"display":"Adam"}}]`), 0},
		{"Practitioner.name", observation(`{"reference":"Patient/p"}`, `,"performer":[{"reference":"PractitionerRole/r","display":"Adam"},{"reference":"Practitioner/r","display":"Adam"}]`), 0},
		{"Patient.name", observation(`{"reference":"Group/g","display":"Adam"}`, narrative), 2},
		{"Patient.name", observation(`{"reference":"Patient/p"}`, `,"performer":[{"reference":"Practitioner/r","display":"Adam"}],"encounter":{"display":"Adam"}`), 2},
		{"Patient.address", observation(`{"reference":"Patient/p","display":"Adam"}`, narrative), 2},
		{"Goal.description", observation(`{"reference":"Patient/p"}`, `,"basedOn":[{"reference":"CarePlan/c"}],"extension":[{"url":"urn:e","valueReference":{"reference":"Goal/g","display":"Adam"}}]`), 0},
		{"Patient.name", observation(`{"reference":"#c","display":"Adam"}`, `,"contained":[{"resourceType":"Device","id":"c"}]`), 1},
	} {
		tree := parse(t, c.resource)
		concerns := Concerns(tree, []Path{c.path})
		concerned, err := Apply(tree, []Path{c.path}, false)
		got := jsonOf(tree)
		if n := strings.Count(got, "Adam"); err != nil || n != c.told {
			t.Errorf("%s: %s tells it %d times, %v", c.path, got, n, err)
		}
		about := strings.Contains(c.resource, `"resourceType":"`+c.path.Type()+`"`)
		if concerned != (c.told == 0 || about) || concerns != concerned || concerned != strings.Contains(got, "REDACTED") {
			t.Errorf("%s: %s is concerned: %v, %v", c.path, got, concerns, concerned)
		}
		if !strings.Contains(c.resource, `"urn:e"`) {
			valid(t, tree)
		}
	}
	tree := parse(t, observation(`{"reference":"Patient/p"}`, `,"extension":[{"url":"urn:e","valueReference":{"display":"Adam"}}]`))
	if _, err := Apply(tree, []Path{"Patient.name"}, true); err != nil || !strings.Contains(jsonOf(tree), `"valueReference":{"_display":{"extension":[`) {
		t.Errorf("%s, %v", jsonOf(tree), err)
	}
}

// TestNoNarrativeTellsOfMaskedElements masks a name that narratives of other parts, and of
// what stands beside it, have as well.
func TestNoNarrativeTellsOfMaskedElements(t *testing.T) {
	const narrative = `"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Adam</div>"}`
	const composition = `{"resourceType":"Composition","status":"final","type":{"text":"x"},"subject":{"reference":"Patient/p","display":"Adam"},"date":"2024","author":[{"reference":"Practitioner/a"}],"title":"x","section":`
	for _, resource := range []string{
		composition + `[{"title":"x",` + narrative + `,"entry":[{"reference":"Observation/o"}],"section":[{` + narrative + `,"entry":[{"reference":"Observation/o"}]}]}]}`,
		composition + `[{"title":"x",` + narrative + `}]}`, // a section must have a text, entries or sections
		`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"http://x.example/Patient/p","resource":{"resourceType":"Patient","id":"p","name":[{"family":"Adam"}]}},
			{"fullUrl":"http://x.example/Observation/o","resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},` + narrative + `}}]}`,
	} {
		tree := parse(t, resource)
		if concerned, err := Apply(tree, []Path{"Patient.name"}, false); err != nil || !concerned {
			t.Errorf("%v, %v", concerned, err)
		}
		if got := jsonOf(tree); strings.Contains(got, "Adam") || strings.Contains(got, `"section"`) != strings.Contains(got, `"text":{"status":"empty"`) {
			t.Errorf("%s", got)
		}
		valid(t, tree)
	}
}

func TestWhatIsKeptHasNoValueButTheReason(t *testing.T) {
	for paths, resource := range map[Path]string{
		"Organization.name":                 `{"resourceType":"Organization","name":"A"}`,
		"AllergyIntolerance.clinicalStatus": `{"resourceType":"AllergyIntolerance","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"patient":{"reference":"Patient/p"}}`,
		"Patient.contact.name":              `{"resourceType":"Patient","contact":[{"relationship":[{"text":"x"}],"name":{"family":"A"}}]}`,
	} {
		tree := parse(t, resource)
		if _, err := Apply(tree, []Path{paths}, true); err != nil {
			t.Fatal(err)
		}
		valid(t, tree)
		if got := jsonOf(tree); strings.Contains(got, `"A"`) || strings.Contains(got, "active") || !strings.Contains(got, `"masked"`) {
			t.Errorf("%s", got)
		}
	}
}

func TestMandatoryElementsAreMaskedWithWhatTheyMustHave(t *testing.T) {
	for _, typ := range r4.ResourceTypes() {
		tree, err := fhir.New(r4, typ)
		if err != nil {
			t.Fatal(err)
		}
		if err := mandatory(tree.Root()); err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		for _, issue := range validate.New(r4, validate.Options{}).Check(t.Context(), parse(t, jsonOf(tree))) {
			if !strings.Contains(issue.Message, "invariant") {
				t.Errorf("%s: %v", typ, issue)
			}
		}
	}
}

func TestSearchParametersTouchWhatTheySelect(t *testing.T) {
	for _, c := range []struct {
		paths, typ string
		touched    string
		not        string
	}{
		{"Patient.address", "Patient", "address address-city address-postalcode _content _text", "name family birthdate _id _lastUpdated identifier telecom general-practitioner"},
		{"Patient.name.given", "Patient", "name given phonetic", "address birthdate"},
		{"Patient.deceased", "Patient", "deceased death-date", "name"},
		{"Patient.telecom", "Patient", "telecom phone email", "address"},
		{"Observation.value", "Observation", "value-quantity value-concept combo-value-quantity code-value-quantity", "code status date"},
		{"Observation.component.code", "Observation", "component-code combo-code component-code-value-quantity", "code value-quantity"},
		{"Patient.address", "Observation", "", "code subject _content"},
		{"Location.position", "Location", "near", "name address"},
	} {
		paths := []Path{Path(c.paths)}
		for code := range strings.FieldsSeq(c.touched) {
			if !Touches(r4, c.typ, code, paths) {
				t.Errorf("%s is masked, and %s.%s does not touch it", c.paths, c.typ, code)
			}
		}
		for code := range strings.FieldsSeq(c.not) {
			if Touches(r4, c.typ, code, paths) {
				t.Errorf("%s is masked, and %s.%s touches it", c.paths, c.typ, code)
			}
		}
	}
}

func TestPathsThatNameNothingToMaskAreRefused(t *testing.T) {
	for path, want := range map[Path]string{
		"Patient": "no such element", "Patient.adress": "no such element", "Patien.address": "no such element", "Patient.address.town": "no such element",
		"Patient.id": "cannot be masked", "Patient.meta.tag": "cannot be masked", "Patient.contained": "cannot be masked", "Binary.data": "cannot be masked",
		"Observation.valueQuantity": "no such element",
	} {
		if err := path.Check(r4); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []Path{"Observation.value", "Observation.value.unit", "Patient.contact.name.family", "Patient.extension"} {
		if err := path.Check(r4); err != nil {
			t.Error(err)
		}
	}
}
