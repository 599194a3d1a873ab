package patch

import (
	"os"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestTheJSONPatchSuitePassesSaveTheListedExceptions(t *testing.T) {
	const file = "json-patch-tests.json"
	content, err := os.ReadFile(testdata.Dir(t, "patch", file))
	if err != nil {
		t.Fatal(err)
	}
	suite, err := readValue(content)
	if err != nil {
		t.Fatal(err)
	}
	verdicts := readExceptions(t, file)
	for _, c := range suite.items {
		get := func(name string) *value {
			if i := c.find(name); i >= 0 {
				return c.members[i].value
			}
			return nil
		}
		name, _ := get("comment").text()
		p, err := ParseJSON(get("patch").append(nil))
		var got *value
		if err == nil {
			got, err = p.(*jsonPatch).apply(t.Context(), get("doc").clone(), "doc")
		}
		want := get("expected")
		verdicts.check(t, name, want == nil && err != nil || want != nil && err == nil && got.equal(want), err)
	}
	verdicts.done(t, len(suite.items), 10)
}

// verdicts holds the exceptions of one suite that were not met yet.
type verdicts struct {
	file string
	left map[string]bool
}

func readExceptions(t *testing.T, file string) verdicts {
	t.Helper()
	content, err := os.ReadFile("testdata/exceptions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	v := verdicts{file, map[string]bool{}}
	for line := range strings.Lines(string(content)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || f[0] != file {
			continue
		}
		if len(f) != 3 || f[2] == "" {
			t.Fatalf("exceptions.tsv: %q has no reason", line)
		}
		v.left[f[1]] = true
	}
	return v
}

func (v verdicts) check(t *testing.T, name string, ok bool, err error) {
	t.Helper()
	if excepted := v.left[name]; ok == excepted {
		t.Errorf("%s: %s: passes %v, listed as exception %v: %v", v.file, name, ok, excepted, err)
	}
	delete(v.left, name)
}

func (v verdicts) done(t *testing.T, ran, want int) {
	t.Helper()
	for name := range v.left {
		t.Errorf("exceptions.tsv: %s has no case %q", v.file, name)
	}
	if ran < want {
		t.Errorf("%s: %d cases, want %d", v.file, ran, want)
	}
}

const examplePatient = `{"resourceType":"Patient","id":"p1","active":true,
 "name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]}],
 "birthDate":"1974-12-25","multipleBirthInteger":2,"contact":[{"gender":"female"}]}`

func patient(t testing.TB) *fhir.Tree {
	t.Helper()
	return resource(t, examplePatient)
}

func resource(t testing.TB, text string) *fhir.Tree {
	t.Helper()
	tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(text), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestAJSONPatchGivesAValidResource(t *testing.T) {
	for _, c := range []struct{ patch, want string }{
		{`[{"op":"replace","path":"/birthDate","value":"1974-12-26"}]`, `"birthDate":"1974-12-26"`},
		{`[{"op":"add","path":"/name/0/given/-","value":"John"}]`, `"given":["Peter","James","John"]`},
		{`[{"op":"add","path":"/name/0/given/0","value":"Sir"}]`, `"given":["Sir","Peter","James"]`},
		{`[{"op":"test","path":"/active","value":true},{"op":"remove","path":"/active"}]`, `"id":"p1","name":`},
		{`[{"op":"copy","from":"/name/0/family","path":"/name/1/family"}]`, `"given":["Jim"],"family":"Chalmers"`},
		{`[{"op":"move","from":"/name/1","path":"/name/0"}]`, `"name":[{"use":"usual"`},
		{`[{"op":"move","from":"/birthDate","path":"/name/0/family"}]`, `"family":"1974-12-25"`},
		{`[{"op":"move","from":"/name/0","path":"/name/0"}]`, `"name":[{"use":"official"`},
		{`[{"op":"test","path":"/multipleBirthInteger","value":2.0}]`, `"multipleBirthInteger":2`},
		{`[{"op":"remove","path":"/contact/0/gender"}]`, `"multipleBirthInteger":2}`}, // nothing is left of contact
		{`[]`, `"contact":[{"gender":"female"}]`},
	} {
		before := patient(t)
		text := string(before.Root().AppendJSON(nil))
		p, err := ParseJSON([]byte(c.patch))
		if err != nil {
			t.Error(err)
			continue
		}
		after, err := p.Apply(t.Context(), before)
		if err != nil {
			t.Errorf("%s: %v", c.patch, err)
			continue
		}
		if got := string(after.Root().AppendJSON(nil)); !strings.Contains(got, c.want) {
			t.Errorf("%s gives %s, want %s in it", c.patch, got, c.want)
		}
		if string(before.Root().AppendJSON(nil)) != text {
			t.Errorf("%s changed its input", c.patch)
		}
	}
}

func TestAJSONPatchThatDoesNotFitNamesTheOperationAndThePath(t *testing.T) {
	for _, c := range []struct {
		patch string
		kind  fault.Kind
		says  []string
	}{
		{`{"op":"add"}`, fault.Invalid, []string{"array of operations"}},
		{`[{"op":"add","path":"/x"`, fault.Invalid, []string{"not valid JSON"}},
		{`[{"op":"add","path":"/x"}]`, fault.Invalid, []string{"operation 0", `"value" is missing`}},
		{`[{"op":"test","path":"/active","value":true},{"op":"jump","path":"/x"}]`, fault.Invalid, []string{"operation 1", "jump", "one of add"}},
		{`[{"op":"add","path":"x","value":1}]`, fault.Invalid, []string{`begin with "/"`}},
		{`[{"op":"add","path":"/~2","value":1}]`, fault.Invalid, []string{"~"}},
		{`[{"op":"move","from":"/name","path":"/name/0"}]`, fault.Invalid, []string{"into itself"}},
		{`[{"op":"test","path":"/birthDate","value":"1974"}]`, fault.Unprocessable, []string{"operation 0", "Patient.birthDate", "1974-12-25"}},
		{`[{"op":"test","path":"/multipleBirthInteger","value":"2"}]`, fault.Unprocessable, []string{"Patient.multipleBirthInteger", "the value is 2"}},
		{`[{"op":"test","path":"/contact","value":{}}]`, fault.Unprocessable, []string{"Patient.contact"}},
		{`[{"op":1,"path":"/active"}]`, fault.Invalid, []string{"operation 0", "op"}},
		{`[{"op":"test","path":"/active","value":true},{"op":"replace","path":"/name/7/family","value":"X"}]`, fault.Unprocessable, []string{"operation 1", "Patient.name[7].family", "no position 7"}},
		{`[{"op":"remove","path":"/deceasedBoolean"}]`, fault.Unprocessable, []string{"operation 0", "deceasedBoolean"}},
		{`[{"op":"remove","path":"/name/01"}]`, fault.Unprocessable, []string{"not an array index"}},
		{`[{"op":"remove","path":""}]`, fault.Unprocessable, []string{"whole resource"}},
		{`[{"op":"add","path":"/nickname","value":"X"}]`, fault.Unprocessable, []string{"after the patch", "nickname"}},
		{`[{"op":"replace","path":"/birthDate","value":"yesterday"}]`, fault.Unprocessable, []string{"after the patch", "birthDate"}},
		{`[{"op":"replace","path":"/active","value":"true"}]`, fault.Unprocessable, []string{"after the patch", "active"}},
		{`[{"op":"replace","path":"","value":{"resourceType":"Group","type":"person","actual":false}}]`, fault.Unprocessable, []string{"does not change the type"}},
	} {
		p, err := ParseJSON([]byte(c.patch))
		if err == nil {
			_, err = p.Apply(t.Context(), patient(t))
		}
		explains(t, c.patch, err, c.kind, c.says)
	}
}

func explains(t *testing.T, patch string, err error, kind fault.Kind, says []string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s is accepted", patch)
		return
	}
	if fault.KindOf(err) != kind {
		t.Errorf("%s: kind %d, want %d: %v", patch, fault.KindOf(err), kind, err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: %v does not say %q", patch, err, s)
		}
	}
}

func TestAJSONPatchThatGrowsWithoutBoundIsRefused(t *testing.T) {
	copies := strings.Repeat(`,{"op":"copy","from":"/name","path":"/name/0"}`, 60)
	p, err := ParseJSON([]byte(`[{"op":"test","path":"/active","value":true}` + copies + `]`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(t.Context(), patient(t)); err == nil || !strings.Contains(err.Error(), "too much") {
		t.Errorf("sixty doublings: %v", err)
	}
	_, err = ParseJSON([]byte("[" + strings.Repeat(`{"op":"remove","path":"/a"},`, MaxOperations) + `{"op":"remove","path":"/a"}]`))
	explains(t, "10,001 operations", err, fault.TooLarge, []string{"10001"})
	_, err = ParseJSON([]byte(strings.Repeat(" ", MaxBytes-1) + "[]"))
	explains(t, "a byte more than is taken", err, fault.TooLarge, []string{"16777217"})
	_, err = ParseJSON([]byte(strings.Repeat("[", 500) + strings.Repeat("]", 500)))
	explains(t, "500 arrays in each other", err, fault.Invalid, []string{"deeper"})
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`[{"op":"add","path":"/name/0/given/-","value":"John"},{"op":"move","from":"/name/1","path":"/name/0"}]`))
	f.Add([]byte(`[{"op":"replace","path":"","value":{"resourceType":"Group"}},{"op":"test","path":"/a~1b","value":[1.0,null]}]`))
	f.Add([]byte(`[{"op":"copy","from":"","path":"/contained/-"},{"op":"remove","path":"/contact/0/gender"}]`))
	before := patient(f)
	f.Fuzz(func(t *testing.T, document []byte) {
		p, err := ParseJSON(document)
		if err != nil {
			return
		}
		after, err := p.Apply(t.Context(), before)
		if err != nil {
			return
		}
		if _, err := fhir.ParseJSON(before.Definitions(), after.Root().AppendJSON(nil), fhir.Limits{}); err != nil {
			t.Fatalf("%s gives what is no resource: %v", document, err)
		}
	})
}
