package label_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/label"
	"github.com/inglehealth/ingle/engine/validate"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func always(string) bool { return true }

// labelled is a resource with its labels, as JSON.
func labelled(t testing.TB, l *label.Labeler, resource string) string {
	t.Helper()
	return string(labelledTree(t, l, definitions.R4, resource).Root().AppendJSON(nil))
}

func labelledTree(t testing.TB, l *label.Labeler, r definitions.Release, resource string) *fhir.Tree {
	t.Helper()
	tree, err := fhir.ParseJSON(definitions.MustBuiltIn(r), []byte(resource), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Apply(tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// codes are the codes of a resource's labels.
func codes(t testing.TB, l *label.Labeler, resource string) string {
	t.Helper()
	var all []string
	for s := range labelledTree(t, l, definitions.R4, resource).Meta().All("security") {
		all = append(all, s.Child("code").Text())
	}
	return strings.Join(all, " ")
}

func observation(more string) string {
	return `{"resourceType":"Observation","status":"final",` + more + `}`
}

func coded(system, code string) string {
	return observation(fmt.Sprintf(`"code":{"coding":[{"system":%q,"code":%q}]}`, system, code))
}

func TestCodesGiveLabels(t *testing.T) {
	const snomed, icd, rxnorm = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm"
	l := label.New(label.Shipped(), nil, always)
	for _, c := range []struct{ resource, want string }{
		{coded(snomed, "86406008"), "HIV R"},
		{coded(icd, "B20"), "HIV R"},
		{coded(icd, "F10.20"), "ETH ETHUD R"},
		{coded(icd, "F11.2"), "ETH OPIOIDUD R"},
		{coded(snomed, "55680006"), "ETH R"},
		{coded(icd, "F17.210"), ""}, // tobacco
		{coded(icd, "F03.90"), ""},  // dementia
		{coded(icd, "F32.1"), "MH PSY R"},
		{coded(icd, "F52.4"), "SEX R"},
		{coded(icd, "A54.00"), "STD SEX R"},
		{coded(icd, "T74.11XA"), "SDV R"},
		{coded(icd, "E11.9"), ""},
		{coded("http://other.example", "86406008"), ""},
		{`{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"#m"},
			"contained":[{"resourceType":"Medication","id":"m","code":{"coding":[{"system":"` + rxnorm + `","code":"351266"}]}}]}`, "ETH OPIOIDUD R"},
		{observation(`"code":{"text":"x"},"valueCodeableConcept":{"coding":[{"system":"` + snomed + `","code":"62479008"},{"system":"` + snomed + `","code":"7200002"}]}`), "ETH ETHUD HIV R"},
	} {
		if got := codes(t, l, c.resource); got != c.want {
			t.Errorf("%s: %q, want %q", c.resource, got, c.want)
		}
	}
}

func TestWholeWordsOfNotesGiveLabels(t *testing.T) {
	l := label.New(label.Shipped(), nil, always)
	document := func(more string) string {
		return `{"resourceType":"DocumentReference","status":"current",` + more + `}`
	}
	section := func(div string) string {
		return `{"resourceType":"Composition","status":"final","type":{"text":"note"},"date":"2024","author":[{"display":"A"}],"title":"Note","section":[{"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">` + div + `</div>"}}]}`
	}
	attached := func(data string) string {
		return document(`"content":[{"attachment":{"contentType":"text/plain","data":"` + data + `"}}]`)
	}
	for _, c := range []struct{ resource, want string }{
		{document(`"description":"Discharge after Opioid-use","content":[{"attachment":{"url":"http://x.example"}}]`), ""},
		{document(`"description":"Follow-up: OPIOID  use disorder.","content":[{"attachment":{"url":"http://x.example"}}]`), "ETH OPIOIDUD R"},
		{document(`"description":"alcoholism","content":[{"attachment":{"url":"http://x.example"}}]`), "ETH ETHUD R"},
		{document(`"description":"nonalcoholism alcoholisms","content":[{"attachment":{"url":"http://x.example"}}]`), ""},
		{observation(`"code":{"text":"HIV test"}`), "HIV R"},
		{observation(`"code":{"text":"HIV test","coding":[{"code":"x"}]}`), ""},
		{observation(`"code":{"text":"x"},"note":[{"text":"victim of domestic violence"}]`), "SDV R"},
		{section("<p>Living with <b>HIV</b></p>"), "HIV R"},
		{section(`<p class=\"hiv\">well</p>`), ""},
		{attached("U3VpY2lkYWwgdGhvdWdodHM="), "MH PSY R"}, // Suicidal thoughts
		{attached("V2VsbC4="), ""}, // Well.
	} {
		if got := codes(t, l, c.resource); got != c.want {
			t.Errorf("%s: %q, want %q", c.resource, got, c.want)
		}
	}
}

func TestLabelsOfOthersStayAndOursAreReplaced(t *testing.T) {
	l := label.New(label.Shipped(), nil, always)
	other := `{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV","display":"theirs"}`
	sent := `{"resourceType":"Observation","meta":{"security":[` + other + `]},"status":"final","code":{"coding":[{"system":"http://snomed.info/sct","code":"86406008"}]}}`
	once := labelled(t, l, sent)
	if !strings.Contains(once, other) || strings.Count(once, `"HIV"`) != 1 || !strings.Contains(once, `"name":"Ingle security labeling"`) {
		t.Errorf("%s", once)
	}
	if twice := labelled(t, l, once); twice != once {
		t.Errorf("%s\n%s", once, twice)
	}
	well := strings.Replace(once, "86406008", "1", 1)
	if got, want := labelled(t, l, well), strings.Replace(sent, "86406008", "1", 1); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := labelled(t, label.New(label.Rules{}, nil, always), once); got != sent {
		t.Errorf("without rules: %s", got)
	}
	if got := labelled(t, label.New(label.Shipped(), nil, func(string) bool { return false }), once); got != sent {
		t.Errorf("of a type that is not labelled: %s", got)
	}
	restricted := strings.Replace(sent, other, `{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}`, 1)
	if got := codes(t, l, restricted); got != "V HIV" {
		t.Errorf("very restricted already: %q", got)
	}
}

func TestLabelledResourcesAreValidInEveryRelease(t *testing.T) {
	rules := label.Rules{Rules: []label.Rule{{Name: "a", Labels: []string{"ETH"}, Confidentiality: "V", Basis: "42CFRPart2", Codes: map[string][]string{"urn:s": {"1"}}}}}
	l := label.New(rules, nil, always)
	for _, r := range []definitions.Release{definitions.R4, definitions.R4B} {
		tree := labelledTree(t, l, r, coded("urn:s", "1"))
		text := string(tree.Root().AppendJSON(nil))
		if !strings.Contains(text, `"code":"42CFRPart2"`) || !strings.Contains(text, `"code":"V"`) {
			t.Errorf("%s", text)
		}
		again, err := fhir.ParseJSON(definitions.MustBuiltIn(r), []byte(text), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if issues := validate.New(definitions.MustBuiltIn(r), validate.Options{}).Check(t.Context(), again); len(issues) > 0 {
			t.Errorf("%s: %v", r, issues)
		}
	}
}

func TestCodesOfValueSetsCount(t *testing.T) {
	rules := label.Rules{Rules: []label.Rule{{Name: "a", Labels: []string{"HIV"}, ValueSets: []string{"urn:vs"}}}}
	if got := codes(t, label.New(rules, map[string][]label.Coding{"urn:vs": {{System: "urn:s", Code: "1"}}}, always), coded("urn:s", "1")); got != "HIV" {
		t.Errorf("%q", got)
	}
	if got := codes(t, label.New(rules, nil, always), coded("urn:s", "1")); got != "" {
		t.Errorf("of a value set that is not known: %q", got)
	}
}

func TestRulesThatCannotBeMeantAreRefusedWithTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                              "cannot be read",
		`{"rulez":[]}`:                   "rulez",
		`{"rules":[{"labels":["HIV"]}]}`: "rules[0].name",
		`{"rules":[{"name":"a"}]}`:       "rules[0].labels",
		`{"rules":[{"name":"a","labels":["HIV"]}]}`:                                     "rules[0].codes",
		`{"rules":[{"name":"a","labels":["a|b"],"words":["x"]}]}`:                       "rules[0].labels",
		`{"rules":[{"name":"a","labels":["HIV"],"confidentiality":"N","words":["x"]}]}`: "rules[0].confidentiality",
		`{"rules":[{"name":"a","labels":["HIV"],"words":["--"]}]}`:                      "rules[0].words",
		`{"rules":[{"name":"a","labels":["HIV"],"codes":{"urn:s":["*"]}}]}`:             "rules[0].codes",
	} {
		if _, err := label.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
