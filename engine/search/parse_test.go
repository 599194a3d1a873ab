package search

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestAQueryIsReadIntoATree(t *testing.T) {
	c := r4(t)
	q, err := c.Parse("Observation", []Pair{
		{"code", "http://loinc.org|1-2,3-4"}, {"subject", "123"}, {"_sort", "-date,_id"}, {"_count", "50"},
		{"_include", "Observation:subject:Patient"}, {"_revinclude", "Provenance:target"}, {"_summary", "true"},
		{"_cursor", "abc"}, {"_total", "estimate"},
	}, ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	code := Param{Type: "Observation", Code: "code", Kind: definitions.SearchToken}
	subject := Param{Type: "Observation", Code: "subject", Kind: definitions.SearchReference}
	target := Param{Type: "Provenance", Code: "target", Kind: definitions.SearchReference}
	want := &Query{
		Types: []string{"Observation"},
		Filter: And{
			Or{Token{Param: code, System: "http://loinc.org", Code: "1-2"}, Token{Param: code, Code: "3-4", AnySystem: true}},
			Or{
				Reference{Param: subject, Type: "Group", ID: "123"}, Reference{Param: subject, Type: "Device", ID: "123"},
				Reference{Param: subject, Type: "Patient", ID: "123"}, Reference{Param: subject, Type: "Location", ID: "123"},
			},
		},
		Sort:  []SortKey{{Param{Type: "Observation", Code: "date", Kind: definitions.SearchDate, Once: true}, true}, {Param{Type: "Observation", Code: "_id", Kind: definitions.SearchToken}, false}},
		Count: 50, Total: TotalEstimate, After: "abc", Summary: SummaryTrue,
		Includes: []Include{
			{Source: "Observation", Param: subject, Target: "Patient"},
			{Source: "Provenance", Param: target, Reverse: true},
		},
		Applied: []Pair{
			{"code", "http://loinc.org|1-2,3-4"}, {"subject", "123"}, {"_sort", "-date,_id"}, {"_count", "50"},
			{"_include", "Observation:subject:Patient"}, {"_revinclude", "Provenance:target"}, {"_summary", "true"}, {"_total", "estimate"},
		},
	}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Error(diff)
	}
}

func TestAnIDAloneIsOfTheOneTypeThatTheValuesOfAParameterReferTo(t *testing.T) {
	for name, want := range map[string]string{"patient": "Patient", "subject": "Group Device Patient Location"} {
		q, err := r4(t).Parse("Observation", []Pair{{name, "123"}}, ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		references, ok := q.Filter.(Or)
		if !ok {
			references = Or{q.Filter}
		}
		var types []string
		for _, x := range references {
			types = append(types, x.(Reference).Type)
		}
		if got := strings.Join(types, " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestErrorsNameTheParameterAndAreBadRequests(t *testing.T) {
	c := r4(t)
	_, err := c.Parse("Patient", []Pair{{"nmae", "x"}, {"birthdate", "soon"}, {"name", ""}}, ParseOptions{})
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Invalid || len(f.Issues) != 3 {
		t.Fatalf("error %v", err)
	}
	for i, want := range []string{`"nmae"; did you mean "name"?`, `"birthdate" has the value "soon"`, `"name" has the value ""`} {
		if !strings.Contains(f.Issues[i].Message, want) {
			t.Errorf("issue %d is %q, want %q in it", i, f.Issues[i].Message, want)
		}
	}
}

func TestLimitsAreNamed(t *testing.T) {
	c := r4(t)
	many := make([]Pair, 101)
	for i := range many {
		many[i] = Pair{"gender", "male"}
	}
	for _, x := range []struct {
		pairs []Pair
		want  string
	}{
		{many, "at most 100"},
		{[]Pair{{"gender", strings.Repeat("a,", 1000) + "a"}}, "at most 1000"},
		{[]Pair{{"gender", strings.Repeat("a", 20000)}}, "16384 bytes"},
		{[]Pair{{strings.Repeat("a", 20000), "x"}}, "16384 bytes"},
		{[]Pair{{"name", strings.Repeat("a", 1001)}}, "first 1000 bytes"},
		{[]Pair{{"link." + strings.Repeat("link.", 9) + "name", "x"}}, "at most 4"},
		{[]Pair{{"_has:Patient:link:_has:Patient:link:_has:Patient:link:_has:Patient:link:_has:Patient:link:name", "x"}}, "at most 4"},
		{[]Pair{{"_sort", "name,name,name,name,name,name,name,name,name"}}, "at most 8"},
	} {
		if _, err := c.Parse("Patient", x.pairs, ParseOptions{}); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("error %v, want %q in it", err, x.want)
		}
	}
}

func TestACountAboveTheLimitIsLowered(t *testing.T) {
	q, err := r4(t).Parse("Patient", []Pair{{"_count", "100000"}}, ParseOptions{MaxCount: 500})
	if err != nil || q.Count != 500 {
		t.Errorf("count %v, error %v", q, err)
	}
}

func TestACompartmentOfAllTypesHasTheTypesOfItsDefinition(t *testing.T) {
	c := r4(t)
	x, err := c.CompartmentFilter("Patient", "p", "")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]bool{}
	for _, one := range x.(Or) {
		types[one.(And)[0].(TypeIs)[0]] = true
	}
	for _, want := range []string{"Patient", "Observation", "Condition", "ExplanationOfBenefit"} {
		if !types[want] {
			t.Errorf("%s is not in the Patient compartment", want)
		}
	}
	if types["Medication"] || types["Organization"] {
		t.Error("Medication or Organization is in the Patient compartment")
	}
	if _, err := c.CompartmentFilter("Medication", "p", ""); fault.KindOf(err) != fault.NotFound {
		t.Errorf("error %v", err)
	}
}

func FuzzParse(f *testing.F) {
	c := r4(f)
	for _, seed := range []string{
		"Patient name=eve", "Observation code=http://loinc.org|1,2", "Observation date=ge2013-01-14T10:00:00.5+02:00",
		"Observation value-quantity=ap5.4e-3|http://unitsofmeasure.org|mg", "Observation combo-code-value-quantity=a$gt5",
		"Patient _has:Observation:patient:_has:Provenance:target:agent=x", "Observation subject:Patient.organization.name:contains=x",
		`Observation code=a\,b\|c`, "Patient _sort=-name,_id", "Patient _include=*", "Patient _elements=name", " _type=Patient,Group",
		"Patient name:missing=true", "Observation subject=https://fhir.example.org/r4/Patient/1/_history/2|3", "Patient _id=a,b",
		"Patient birthdate=2013-", "Observation code=|", "Patient _count=99999999999", "Patient .=x", "Patient :=x", "Patient _has:::=x",
	} {
		f.Add(seed)
	}
	doc := &Document{Key: fhir.Key{Type: "Patient", ID: "p"}}
	f.Fuzz(func(t *testing.T, text string) {
		typeName, rest, _ := strings.Cut(text, " ")
		var pairs []Pair
		for part := range strings.SplitSeq(rest, "&") {
			name, value, _ := strings.Cut(part, "=")
			pairs = append(pairs, Pair{name, value})
		}
		q, err := c.Parse(typeName, pairs, ParseOptions{Now: time.Unix(1e9, 0)})
		if err != nil {
			if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Invalid && f.Kind != fault.NotFound || len(f.Issues) == 0 {
				t.Errorf("%q: error %#v", text, err)
			}
			return
		}
		if _, err := Match(t.Context(), q.Filter, doc, (*locked)(NewMemory())); err != nil {
			t.Error(err)
		}
		if lenient, err := c.Parse(typeName, pairs, ParseOptions{Lenient: true, Now: time.Unix(1e9, 0)}); err != nil || len(lenient.Ignored) > 0 {
			t.Errorf("%q is taken strictly, but leniently gives %v, %v", text, lenient, err)
		}
	})
}
