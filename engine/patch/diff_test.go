package patch

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func parsed(t *testing.T, text string) *fhir.Tree {
	t.Helper()
	tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(text), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// differs checks that the difference of a and b, read again, makes b of a.
func differs(t *testing.T, a, b *fhir.Tree) (operations int) {
	t.Helper()
	was := string(a.Root().AppendJSON(nil))
	diff, err := Diff(t.Context(), a, b, nil)
	if err != nil {
		t.Fatalf("%s and %s: %v", a.Key(), b.Key(), err)
	}
	text := diff.Root().AppendJSON(nil)
	again, err := fhir.ParseJSON(b.Definitions(), slices.Clone(text), fhir.Limits{})
	if err != nil {
		t.Fatalf("%s and %s: %v: %s", a.Key(), b.Key(), err, text)
	}
	p, err := ParseParameters(again)
	if err != nil {
		t.Fatalf("%s and %s: %v: %s", a.Key(), b.Key(), err, text)
	}
	got, err := p.Apply(t.Context(), a)
	if err != nil {
		t.Fatalf("%s and %s: %v: %s", a.Key(), b.Key(), err, text)
	}
	if !got.Root().Equal(b.Root()) {
		t.Errorf("%s becomes\n%s\nnot\n%s\nby %s", a.Key(), got.Root().AppendJSON(nil), b.Root().AppendJSON(nil), text)
	}
	if string(a.Root().AppendJSON(nil)) != was {
		t.Errorf("%s was changed", a.Key())
	}
	return again.Root().Count("parameter")
}

func TestADifferenceIsWrittenAsFewOperations(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want string // type and path of each operation
	}{
		{`{"resourceType":"Patient","id":"a"}`, `{"resourceType":"Patient","id":"a"}`, ""},
		{`{"resourceType":"Patient","gender":"male"}`, `{"resourceType":"Patient","gender":"female"}`, "replace Patient.gender"},
		{`{"resourceType":"Patient"}`, `{"resourceType":"Patient","gender":"female"}`, "add Patient"},
		{`{"resourceType":"Patient","gender":"male","active":true}`, `{"resourceType":"Patient","active":true}`, "delete Patient.gender"},
		{`{"resourceType":"Patient","birthDate":"1980"}`, `{"resourceType":"Patient","birthDate":"1980","_birthDate":{"id":"x"}}`, "replace Patient.birthDate"},
		{`{"resourceType":"Patient","deceasedBoolean":true}`, `{"resourceType":"Patient","deceasedDateTime":"2020"}`, "replace Patient.deceased"},
		{`{"resourceType":"Patient","maritalStatus":{"text":"x"}}`, `{"resourceType":"Patient","maritalStatus":{"coding":[{"code":"M"}]}}`,
			"add Patient.maritalStatus, delete Patient.maritalStatus.text"},
		{`{"resourceType":"Patient","name":[{"family":"A"},{"family":"B"},{"family":"C"}]}`, `{"resourceType":"Patient","name":[{"family":"A"},{"family":"C"}]}`, "delete Patient.name[1]"},
		{`{"resourceType":"Patient","name":[{"family":"A"},{"family":"C"}]}`, `{"resourceType":"Patient","name":[{"family":"A"},{"family":"B"},{"family":"B2"},{"family":"C"}]}`,
			"insert Patient.name, insert Patient.name"},
		{`{"resourceType":"Patient","name":[{"family":"A"}]}`, `{"resourceType":"Patient","name":[{"family":"A"},{"family":"B"}]}`, "add Patient"},
		{`{"resourceType":"Patient","name":[{"family":"A"}]}`, `{"resourceType":"Patient","name":[{"family":"A","given":["x"]}]}`, "add Patient.name[0]"},
		{`{"resourceType":"Patient","contact":[{"gender":"male"}]}`, `{"resourceType":"Patient","contact":[{"gender":"female"},{"name":{"text":"n"},"telecom":[{"value":"1"}]}]}`,
			"replace Patient.contact[0].gender, add Patient"},
		{`{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>"}}`,
			`{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">b</div>"}}`, "replace Patient.text.`div`"},
		{`{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"x"}],"managingOrganization":{"reference":"#o"}}`,
			`{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"y"},{"resourceType":"Basic","code":{"text":"t"}}],"managingOrganization":{"reference":"#o"}}`,
			"replace Patient.contained[0].name, add Patient"},
		{`{"resourceType":"Patient"}`, `{"resourceType":"Patient","extension":[{"url":"http://x","extension":[{"url":"y","valueInteger":1}]}],"text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>"}}`,
			"add Patient, add Patient"},
	} {
		a, b := parsed(t, c.a), parsed(t, c.b)
		differs(t, a, b)
		diff, err := Diff(t.Context(), a, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for o := range diff.Root().All("parameter") {
			var kind, path string
			for part := range o.All("part") {
				switch part.Child("name").Text() {
				case "type":
					kind = part.Child("value").Text()
				case "path":
					path = part.Child("value").Text()
				}
			}
			got = append(got, kind+" "+path)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s to %s: %v", c.a, c.b, got)
		}
	}
}

func TestADifferenceLeavesOutWhatIsSkipped(t *testing.T) {
	a := parsed(t, `{"resourceType":"Patient","id":"a","meta":{"versionId":"1"}}`)
	b := parsed(t, `{"resourceType":"Patient","id":"b","meta":{"versionId":"2"},"active":true}`)
	diff, err := Diff(t.Context(), a, b, func(path string) bool { return path == "Patient.id" || path == "Patient.meta.versionId" })
	if err != nil || diff.Root().Count("parameter") != 1 {
		t.Errorf("%s, %v", diff.Root().AppendJSON(nil), err)
	}
}

func TestWhatCannotBeComparedIsRefused(t *testing.T) {
	_, err := Diff(t.Context(), parsed(t, `{"resourceType":"Patient"}`), parsed(t, `{"resourceType":"Person"}`), nil)
	if fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), "one type") {
		t.Error(err)
	}
	r4b, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4B), []byte(`{"resourceType":"Patient"}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Diff(t.Context(), parsed(t, `{"resourceType":"Patient"}`), r4b, nil); fault.KindOf(err) != fault.Unprocessable {
		t.Error(err)
	}
	var many []string
	for range MaxOperations + 1 {
		many = append(many, `{"family":"x"}`)
	}
	_, err = Diff(t.Context(), parsed(t, `{"resourceType":"Patient"}`), parsed(t, `{"resourceType":"Patient","name":[`+strings.Join(many, ",")+`]}`), nil)
	if fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), "10000") {
		t.Error(err)
	}
}

// someOf draws pairs of resources of one type and compares them.
func someOf(t *testing.T, resources []*fhir.Tree, pairs int) {
	t.Helper()
	byType := map[fhir.Type][]*fhir.Tree{}
	for _, r := range resources {
		byType[r.Type()] = append(byType[r.Type()], r)
	}
	random := rand.New(rand.NewPCG(1, 2))
	operations := 0
	for range pairs {
		a := resources[random.IntN(len(resources))]
		same := byType[a.Type()]
		operations += differs(t, a, same[random.IntN(len(same))])
		if t.Failed() {
			return
		}
	}
	t.Logf("%d pairs of %d resources differ in %d places", pairs, len(resources), operations)
}

func TestThePatchThatADifferenceIsMakesOneSyntheticResourceOfTheOther(t *testing.T) {
	var resources []*fhir.Tree
	for line := range testdata.Lines(t, testdata.Dir(t, "synthea", "uscore311-2021", "uscore311-2021-00.bundles.ndjson.gz"), 3) {
		for entry := range parsed(t, string(line)).Root().All("entry") {
			resources = append(resources, entry.Child("resource").CopyTree())
		}
	}
	someOf(t, resources, 1500)
}

func TestThePatchThatADifferenceIsMakesOneOfficialExampleOfTheOther(t *testing.T) {
	var resources []*fhir.Tree
	for _, text := range testdata.Zipped(t, testdata.Dir(t, "examples", "examples-r4.zip")) {
		var head struct{ ResourceType string }
		if len(text) > 40_000 || json.Unmarshal(text, &head) != nil || head.ResourceType == "" {
			continue
		}
		if tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), text, fhir.Limits{}); err == nil {
			resources = append(resources, tree)
		}
	}
	someOf(t, resources, 1500)
}
