package patch

import (
	"bytes"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestTheFHIRPathPatchSuitePassesSaveTheListedExceptions(t *testing.T) {
	const file = "fhir-patch-tests.xml"
	cases := suiteCases(t, file)
	verdicts := readExceptions(t, file)
	read := func(c *xmlNode, name string) *fhir.Tree {
		var b bytes.Buffer
		firstElementNamed(t, c, name).elements()[0].write(&b, "")
		tree, err := fhir.ParseXML(definitions.MustBuiltIn(definitions.R4), b.Bytes(), fhir.Limits{})
		if err != nil {
			t.Fatalf("%s: %s: %v", c.attrs[0].Value, name, err)
		}
		return tree
	}
	for _, c := range cases {
		input, want := read(c, "input"), read(c, "output")
		text := string(input.Root().AppendJSON(nil))
		p, err := ParseParameters(read(c, "diff"))
		var got *fhir.Tree
		if err == nil {
			got, err = p.Apply(t.Context(), input)
		}
		ok := err == nil && sameContent(got, want)
		if err == nil && !ok {
			t.Logf("%s gives %s\nwant %s", c.attrs[0].Value, got.Root().AppendJSON(nil), want.Root().AppendJSON(nil))
		}
		verdicts.check(t, c.attrs[0].Value, ok, err)
		if string(input.Root().AppendJSON(nil)) != text {
			t.Errorf("%s changed its input", c.attrs[0].Value)
		}
	}
	verdicts.done(t, len(cases), 24)
}

// sameContent compares resources but for the blanks of their narrative.
func sameContent(a, b *fhir.Tree) bool {
	strip := func(t *fhir.Tree) (fhir.Node, string) {
		root := t.Clone().Root()
		div := root.Find("text", "div")
		text := strings.Join(strings.Fields(div.Text()), "")
		if !div.IsZero() {
			div.Remove()
		}
		return root, text
	}
	x, divX := strip(a)
	y, divY := strip(b)
	return divX == divY && x.Equal(y)
}

// operations makes a FHIRPath Patch of the JSON of its parameters' parts.
func operations(t testing.TB, parts ...string) *fhir.Tree {
	t.Helper()
	text := `{"resourceType":"Parameters","parameter":[`
	for i, p := range parts {
		if i > 0 {
			text += ","
		}
		text += `{"name":"operation","part":[` + p + `]}`
	}
	return resource(t, text+`]}`)
}

func part(name, property, value string) string {
	return `{"name":"` + name + `","` + property + `":` + value + `}`
}

func head(kind, path string) string {
	return part("type", "valueCode", `"`+kind+`"`) + "," + part("path", "valueString", `"`+path+`"`)
}

func TestAFHIRPathPatchGivesAValidResource(t *testing.T) {
	for _, c := range []struct{ parts, want string }{
		{head("add", "Patient") + "," + part("name", "valueString", `"deceased"`) + "," + part("value", "valueBoolean", "true"), `"deceasedBoolean":true`},
		{head("add", "Patient") + "," + part("name", "valueString", `"deceased[x]"`) + "," + part("value", "valueDateTime", `"2020"`), `"deceasedDateTime":"2020"`},
		{head("replace", "Patient.multipleBirth") + "," + part("value", "valueBoolean", "true"), `"multipleBirthBoolean":true`},
		{head("add", "Patient.name.where(use='usual')") + "," + part("name", "valueString", `"given"`) + "," + part("value", "valueString", `"Bo"`), `"given":["Jim","Bo"]`},
		{head("insert", "Patient.communication") + "," + part("index", "valueInteger", "0") + "," +
			`{"name":"value","part":[{"name":"language","valueCodeableConcept":{"text":"Nynorsk"}},{"name":"preferred","valueBoolean":true}]}`,
			`"communication":[{"language":{"text":"Nynorsk"},"preferred":true}]`},
		{head("add", "Patient") + "," + part("name", "valueString", `"contained"`) + `,{"name":"value","resource":{"resourceType":"Organization","id":"o","name":"Acme"}}`,
			`"contained":[{"resourceType":"Organization","id":"o","name":"Acme"}]`},
		{head("delete", "Patient.photo"), `"birthDate"`}, // not there: no error
		{head("delete", "Patient.contact.gender"), `"multipleBirthInteger":2}`},
		{head("move", "Patient.name[0].given") + "," + part("source", "valueInteger", "1") + "," + part("destination", "valueInteger", "0"), `"given":["James","Peter"]`},
		{head("add", "Patient.birthDate") + "," + part("name", "valueString", `"extension"`) + "," + `{"name":"value","part":[{"name":"url","valueUri":"http://example.org/x"},{"name":"value","valueString":"y"}]}`,
			`"_birthDate":{"extension":[{"url":"http://example.org/x","valueString":"y"}]}`},
	} {
		p, err := ParseParameters(operations(t, c.parts))
		if err != nil {
			t.Errorf("%s: %v", c.parts, err)
			continue
		}
		after, err := p.Apply(t.Context(), patient(t))
		if err != nil {
			t.Errorf("%s: %v", c.parts, err)
			continue
		}
		got := string(after.Root().AppendJSON(nil))
		if !strings.Contains(got, c.want) {
			t.Errorf("%s gives %s, want %s in it", c.parts, got, c.want)
		}
		if _, err := fhir.ParseJSON(after.Definitions(), []byte(got), fhir.Limits{}); err != nil {
			t.Errorf("%s gives what is no resource: %v", c.parts, err)
		}
	}
}

func TestAFHIRPathPatchThatDoesNotFitNamesTheOperationAndThePath(t *testing.T) {
	value := part("value", "valueString", `"x"`)
	for _, c := range []struct {
		parts string
		kind  fault.Kind
		says  []string
	}{
		{head("jump", "Patient"), fault.Invalid, []string{"operation 0", "jump", "Parameters.parameter[0]"}},
		{part("type", "valueCode", `"delete"`), fault.Invalid, []string{`"path" is missing`}},
		{head("delete", "Patient..name"), fault.Invalid, []string{"path:"}},
		{head("add", "Patient") + "," + value, fault.Invalid, []string{`"name" is missing`}},
		{head("replace", "Patient.birthDate"), fault.Invalid, []string{`"value" is missing`}},
		{head("insert", "Patient.name") + "," + part("index", "valueString", `"one"`) + "," + value, fault.Invalid, []string{"index"}},
		{head("delete", "Patient.name"), fault.Unprocessable, []string{"operation 0", "2 elements"}},
		{head("delete", "Patient"), fault.Unprocessable, []string{"whole resource"}},
		{head("replace", "Patient.photo") + "," + value, fault.Unprocessable, []string{"0 elements"}},
		{head("replace", "Patient.birthDate") + "," + value, fault.Unprocessable, []string{"operation 0", "Patient.birthDate"}},
		{head("replace", "Patient.name[0]") + "," + value, fault.Unprocessable, []string{"Patient.name[0]", "HumanName"}},
		{head("replace", "Patient.name.count()") + "," + value, fault.Unprocessable, []string{"no element of the resource"}},
		{head("add", "Patient") + "," + part("name", "valueString", `"birthDate"`) + "," + part("value", "valueDate", `"1974"`), fault.Unprocessable, []string{"there already"}},
		{head("add", "Patient") + "," + part("name", "valueString", `"nickname"`) + "," + value, fault.Unprocessable, []string{"nickname"}},
		{head("insert", "Patient.name") + "," + part("index", "valueInteger", "3") + "," + part("value", "valueHumanName", `{"text":"x"}`), fault.Unprocessable, []string{"index 3", "list of 2"}},
		{head("insert", "Patient.gender") + "," + part("index", "valueInteger", "0") + "," + value, fault.Unprocessable, []string{"does not repeat"}},
		{head("insert", "Patient.name.where(use='usual')") + "," + part("index", "valueInteger", "0") + "," + value, fault.Unprocessable, []string{"1 of the 2"}},
		{head("insert", "Patient.name.given") + "," + part("index", "valueInteger", "0") + "," + value, fault.Unprocessable, []string{"several lists"}},
		{head("move", "Patient.name") + "," + part("source", "valueInteger", "2") + "," + part("destination", "valueInteger", "0"), fault.Unprocessable, []string{"list of 2"}},
	} {
		p, err := ParseParameters(operations(t, c.parts))
		if err == nil {
			_, err = p.Apply(t.Context(), patient(t))
		}
		explains(t, c.parts, err, c.kind, c.says)
	}
	_, err := ParseParameters(patient(t))
	explains(t, "a Patient", err, fault.Invalid, []string{"Parameters"})
	p, err := ParseParameters(operations(t, head("delete", "Patient.photo"), head("delete", "Patient.name")))
	if err == nil {
		_, err = p.Apply(t.Context(), patient(t))
	}
	explains(t, "a bad second operation", err, fault.Unprocessable, []string{"operation 1"})
}
