package view_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/view"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// compile reads a view, given without resourceType.
func compile(t testing.TB, text string) (*view.View, error) {
	t.Helper()
	d := definitions.MustBuiltIn(definitions.R4)
	tree, err := fhir.ParseJSON(d, []byte(`{"resourceType":"ViewDefinition",`+text+`}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return view.Compile(d, tree.Root())
}

func mustCompile(t testing.TB, text string) *view.View {
	t.Helper()
	v, err := compile(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// lines runs a view over resources and returns its rows, written by append.
func lines(t testing.TB, v *view.View, write func([]byte, view.Row) []byte, resources ...string) (string, error) {
	t.Helper()
	var out []byte
	for _, text := range resources {
		tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(text), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		err = v.Run(t.Context(), fhirpath.Env{}, tree.Root(), func(row view.Row) error {
			out = append(write(out, row), '\n')
			return nil
		})
		if err != nil {
			return string(out), err
		}
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

func wantLines(t *testing.T, v *view.View, want string, resources ...string) {
	t.Helper()
	got, err := lines(t, v, v.AppendJSON, resources...)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("rows are\n%s\nwant\n%s", got, want)
	}
}

func TestEveryProblemOfAViewIsReportedWithItsPath(t *testing.T) {
	for text, want := range map[string]string{
		`"resource":"Patient"`: "ViewDefinition: the view has no select",
		`"resource":"Pateint","select":[{"column":[{"name":"a","path":"id"}]}]`:                                                                                  `ViewDefinition.resource: there is no resource type "Pateint" in FHIR R4; did you mean Patient?`,
		`"resource":"Patient","select":[{"column":[{"name":"1a","path":"id"}]}]`:                                                                                 `ViewDefinition.select[0].column[0].name: "1a" is not a name for a database`,
		`"resource":"Patient","select":[{"column":[{"name":"a"}]}]`:                                                                                              `ViewDefinition.select[0].column[0]: there is no path`,
		`"resource":"Patient","select":[{"column":[{"path":"id"}]}]`:                                                                                             `ViewDefinition.select[0].column[0]: the column has no name`,
		`"resource":"Patient","select":[{"column":[{"name":"a","path":"name.familiy"}]}]`:                                                                        `ViewDefinition.select[0].column[0].path: line 1, column 6: HumanName has no element familiy; did you mean family?`,
		`"resource":"Patient","select":[{"forEach":"name","column":[{"name":"a","path":"city"}]}]`:                                                               `ViewDefinition.select[0].column[0].path: line 1, column 1: HumanName has no element city`,
		`"resource":"Patient","select":[{"column":[{"name":"a","path":"name."}]}]`:                                                                               `ViewDefinition.select[0].column[0].path: this is not FHIRPath`,
		`"resource":"Patient","select":[{"column":[{"name":"a","path":"nmae()"}]}]`:                                                                              `there is no function nmae()`,
		`"resource":"Patient","select":[{"column":[{"name":"a","path":"id"}]}],"where":[{"path":"birthDate"}]`:                                                   `ViewDefinition.where[0].path: a where must be a condition`,
		`"resource":"Patient","select":[{"column":[{"name":"a","path":"id"},{"name":"a","path":"id"}]}]`:                                                         `two columns have the name a`,
		`"resource":"Patient","select":[{"column":[{"name":"a","path":"id","type":"strnig"}]}]`:                                                                  `ViewDefinition.select[0].column[0].type: there is no type "strnig"`,
		`"resource":"Patient","select":[{"forEach":"name","forEachOrNull":"name","column":[{"name":"a","path":"family"}]}]`:                                      `ViewDefinition.select[0]: a select has one of forEach, forEachOrNull and repeat`,
		`"resource":"Patient","constant":[{"name":"c"}],"select":[{"column":[{"name":"a","path":"id"}]}]`:                                                        `ViewDefinition.constant[0]: the constant c has no value`,
		`"resource":"Patient","constant":[{"name":"c","valueCode":"x"},{"name":"c","valueCode":"y"}],"select":[{"column":[{"name":"a","path":"id"}]}]`:           `the constant c is defined twice`,
		`"resource":"Patient","select":[{"column":[{"name":"a","path":"%c"}]}]`:                                                                                  `ViewDefinition.select[0].column[0].path: there is no constant %c`,
		`"resource":"Patient","select":[{"forEach":"name"}]`:                                                                                                     `ViewDefinition.select[0]: the select has no columns`,
		`"resource":"Patient","select":[{"unionAll":[{"column":[{"name":"a","path":"id","type":"id"}]},{"column":[{"name":"a","path":"id","type":"string"}]}]}]`: `ViewDefinition.select[0].unionAll[1]: the branches of a unionAll must have columns of the same type; a is string here and id in the first one`,
		`"resource":"Patient","select":[{"unionAll":[{"column":[{"name":"a","path":"id"},{"name":"b","path":"id"}]},{"column":[{"name":"a","path":"id"}]}]}]`:    `this one lacks b`,
		`"resource":"Patient","select":[` + strings.Repeat(`{"select":[`, 55) + `{"column":[{"name":"a","path":"id"}]}` + strings.Repeat(`]}`, 55) + `]`:         `selects are nested more than 50 deep`,
	} {
		_, err := compile(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n  %v\nwant\n  %s", text, err, want)
		}
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != fault.Unprocessable {
			t.Errorf("%s: %T %v is not unprocessable", text, err, err)
		}
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	_, err := compile(t, `"resource":"Patient","select":[{"column":[{"name":"a b","path":"nmae"},{"name":"c","path":"id","type":"x"}]}]`)
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || len(e.Issues) != 3 {
		t.Errorf("%v: want three issues", err)
	}
}

const answers = `{"resourceType":"QuestionnaireResponse","id":"q","status":"completed","item":[
	{"linkId":"1","item":[{"linkId":"1.1","answer":[{"valueString":"x","item":[{"linkId":"1.1.a"}]}]},{"linkId":"1.2"}]},{"linkId":"2"}]}`

func TestRepeatGoesDownEveryPath(t *testing.T) {
	v := mustCompile(t, `"resource":"QuestionnaireResponse","select":[{"column":[{"name":"id","path":"id"}]},
		{"repeat":["item","answer.item"],"column":[{"name":"link","path":"linkId"},{"name":"n","path":"%rowIndex"}]}]`)
	wantLines(t, v, `{"id":"q","link":"1","n":0}
{"id":"q","link":"1.1","n":1}
{"id":"q","link":"1.1.a","n":2}
{"id":"q","link":"1.2","n":3}
{"id":"q","link":"2","n":4}`, answers)
}

func TestARepeatWithoutEndIsStopped(t *testing.T) {
	v := mustCompile(t, `"resource":"QuestionnaireResponse","select":[{"repeat":["$this"],"column":[{"name":"id","path":"id"}]}]`)
	_, err := lines(t, v, v.AppendJSON, answers)
	if err == nil || !strings.Contains(err.Error(), "more than 100 levels") {
		t.Errorf("%v", err)
	}
}

const patient = `{"resourceType":"Patient","id":"p","active":true,"multipleBirthInteger":2,"birthDate":"1970-06",
	"name":[{"family":"O\"Hara","given":["Ann","Bea"]},{"given":["Cy"]}],
	"maritalStatus":{"coding":[{"system":"s","code":"M"}]}, "contact":[{"gender":"male"}]}`

func TestRowIndexNumbersTheNearestForEach(t *testing.T) {
	v := mustCompile(t, `"resource":"Patient","select":[
		{"forEach":"name","column":[{"name":"i","path":"%rowIndex"}],
		 "select":[{"forEach":"given","column":[{"name":"j","path":"%rowIndex"},{"name":"given","path":"$this"}]},{"column":[{"name":"k","path":"%rowIndex"}]}]},
		{"column":[{"name":"top","path":"%rowIndex"}]}]`)
	wantLines(t, v, `{"i":0,"j":0,"given":"Ann","k":0,"top":0}
{"i":0,"j":1,"given":"Bea","k":0,"top":0}
{"i":1,"j":0,"given":"Cy","k":1,"top":0}`, patient)
}

func TestValuesAreWrittenAsTheirColumnsTypesSay(t *testing.T) {
	v := mustCompile(t, `"resource":"Patient","select":[{"column":[
		{"name":"plain","path":"multipleBirth.ofType(integer)"},
		{"name":"text","path":"multipleBirth.ofType(integer)","type":"string"},
		{"name":"number","path":"multipleBirth.ofType(integer) + 0.50","type":"decimal"},
		{"name":"active","path":"active","type":"boolean"},
		{"name":"born","path":"birthDate","type":"date"},
		{"name":"low","path":"birthDate.lowBoundary()","type":"dateTime"},
		{"name":"given","path":"name.given","type":"string","collection":true},
		{"name":"none","path":"address.city","collection":true},
		{"name":"marital","path":"maritalStatus","type":"CodeableConcept"},
		{"name":"contact","path":"contact","type":"Patient.contact","collection":true},
		{"name":"key","path":"getResourceKey()"}]},
		{"forEachOrNull":"address","column":[{"name":"lines","path":"line","collection":true}]}]`)
	wantLines(t, v, `{"plain":2,"text":"2","number":2.50,"active":true,"born":"1970-06","low":"1970-06-01","given":["Ann","Bea","Cy"],"none":[],`+
		`"marital":{"coding":[{"system":"s","code":"M"}]},"contact":[{"gender":"male"}],"key":"Patient/p","lines":null}`, patient)
}

func TestWhatAColumnCannotHoldIsAnErrorThatSaysWhere(t *testing.T) {
	for column, want := range map[string]string{
		`"path":"name.given"`:                                         "ViewDefinition.select[0].column[0].path: the column c has 3 values here; add first() or the like to its path, or set its collection to true (in Patient/p)",
		`"path":"maritalStatus"`:                                      "the column c has no type, so it takes primitive values only; here it gives a FHIR.CodeableConcept",
		`"path":"birthDate","type":"integer"`:                         "the column c is of type integer; here it gives a FHIR.date",
		`"path":"multipleBirth.ofType(integer) / 4","type":"integer"`: "the column c is of type integer; here it gives a System.Decimal",
		`"path":"maritalStatus","type":"Coding"`:                      "the column c is of type Coding; here it gives a FHIR.CodeableConcept",
		`"path":"name.given + 'x'"`:                                   "ViewDefinition.select[0].column[0].path: line 1",
	} {
		v := mustCompile(t, `"resource":"Patient","select":[{"column":[{"name":"c",`+column+`}]}]`)
		if _, err := lines(t, v, v.AppendJSON, patient); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n  %v\nwant\n  %s", column, err, want)
		}
	}
}

func TestCSVTellsNullFromEmptyAndQuotesWhatItMust(t *testing.T) {
	v := mustCompile(t, `"resource":"Patient","select":[{"forEach":"name","column":[
		{"name":"family","path":"family"},{"name":"given","path":"given","collection":true},{"name":"empty","path":"period.start.join()"},{"name":"comma","path":"given.join(', ')"}]}]`)
	got, err := lines(t, v, v.AppendCSV, patient)
	if err != nil {
		t.Fatal(err)
	}
	want := "\"O\"\"Hara\",\"[\"\"Ann\"\",\"\"Bea\"\"]\",\"\",\"Ann, Bea\"\r\n\n,\"[\"\"Cy\"\"]\",\"\",Cy\r\n"
	if got != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if header := string(v.AppendCSVHeader(nil)); header != "family,given,empty,comma\r\n" {
		t.Errorf("header %q", header)
	}
}

func TestTheFunctionsOfShareableViewsAreThere(t *testing.T) {
	for path, want := range map[string]string{
		`name.where(family.exists()).given.first()`:               `"Ann"`,
		`name.exists(family.empty())`:                             `true`,
		`name.given.join('-')`:                                    `"Ann-Bea-Cy"`,
		`extension('x').value.ofType(string).empty()`:             `true`,
		`multipleBirth.ofType(integer) * 3 - 1`:                   `5`,
		`birthDate.highBoundary()`:                                `"1970-06-30"`,
		`(active and (1 != 2 or false)).not()`:                    `false`,
		`managingOrganization.getReferenceKey(Organization)`:      `null`,
		`multipleBirth.ofType(integer) <= 2 and name.count() > 1`: `true`,
	} {
		v := mustCompile(t, `"resource":"Patient","select":[{"column":[{"name":"c","path":"`+path+`"}]}]`)
		wantLines(t, v, `{"c":`+want+`}`, patient)
	}
}

func TestProductsThatExplodeAreStopped(t *testing.T) {
	names := strings.Repeat(`{"family":"f"},`, 99) + `{"family":"f"}`
	many := `{"resourceType":"Patient","id":"many","name":[` + names + `]}`
	selects := func(last string) string {
		var list []string
		for i := range 5 {
			list = append(list, fmt.Sprintf(`{"forEach":"name","column":[{"name":"c%d","path":"family"}]}`, i))
		}
		return `"resource":"Patient","select":[` + strings.Join(append(list, last), ",") + `]`
	}
	for last, want := range map[string]string{
		`{"column":[{"name":"x","path":"id"}]}`:                       "more than 1,000,000 rows of Patient/many",
		`{"forEach":"address","column":[{"name":"x","path":"city"}]}`: "more than 2,000,000 steps of Patient/many",
	} {
		v := mustCompile(t, selects(last))
		n := 0
		tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(many), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		err = v.Run(t.Context(), fhirpath.Env{}, tree.Root(), func(view.Row) error { n++; return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d rows, %v; want %s", n, err, want)
		}
	}
}

func TestTagsAndDescriptionsOfColumnsAreKept(t *testing.T) {
	v := mustCompile(t, `"name":"people","resource":"Patient","select":[{"column":[{"name":"c","path":"id","description":"the id","tag":[{"name":"ansi/type","value":"CHAR(64)"}]}]}]`)
	c := v.Columns[0]
	if v.Name != "people" || c.Description != "the id" || len(c.Tags) != 1 || c.Tags[0] != (view.Tag{Name: "ansi/type", Value: "CHAR(64)"}) {
		t.Errorf("%+v", c)
	}
}

func FuzzAViewNeverPanics(f *testing.F) {
	f.Add(`{"resourceType":"ViewDefinition","resource":"Patient","select":[{"forEach":"name","column":[{"name":"a","path":"family"}]}]}`)
	f.Add(`{"resourceType":"ViewDefinition","resource":"Patient","select":[{"unionAll":[{"column":[{"name":"a","path":"id"}]},{"repeat":["contact","name"],"column":[{"name":"a","path":"%rowIndex.toString()"}]}]}],"where":[{"path":"active"}]}`)
	d := definitions.MustBuiltIn(definitions.R4)
	subject, err := fhir.ParseJSON(d, []byte(patient), fhir.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := fhir.ParseJSON(d, []byte(text), fhir.Limits{})
		if err != nil {
			return
		}
		v, err := view.Compile(d, tree.Root())
		if err != nil {
			return
		}
		env := fhirpath.Env{Limits: fhirpath.Limits{Steps: 10_000, Items: 1000, Text: 10_000, Texts: 100_000}}
		rows := 0
		_ = v.Run(t.Context(), env, subject.Root(), func(row view.Row) error {
			if line := v.AppendJSON(nil, row); !json.Valid(line) {
				t.Errorf("a row is no JSON: %s", line)
			}
			if rows++; rows > 100 {
				return errors.New("enough")
			}
			return nil
		})
	})
}
