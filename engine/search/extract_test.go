package search

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// synthea returns up to n resources of each type from bundles of synthetic
// patients.
func synthea(t testing.TB, c *Catalog, n int) map[string][]*fhir.Tree {
	t.Helper()
	trees := map[string][]*fhir.Tree{}
	for line := range testdata.Lines(t, testdata.Dir(t, "synthea", "base-2019", "base-2019-00.bundles.ndjson.gz"), 40) {
		bundle, err := fhir.ParseJSON(c.Definitions(), line, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for entry := range bundle.Root().All("entry") {
			one := entry.Child("resource")
			if name := one.Type().Name; len(trees[name]) < n {
				trees[name] = append(trees[name], one.CopyTree())
			}
		}
	}
	return trees
}

// shown writes an entry in one line, without what is empty.
func shown(e *Entry) string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, " %s=%s", name, value)
		}
	}
	field("system", e.System)
	field("code", e.Code)
	field("text", e.Text)
	field("norm", e.Norm)
	if e.RefID != "" {
		field("ref", e.RefType+"/"+e.RefID)
	}
	field("url", e.URL)
	field("version", e.Version)
	if e.Time != (TimeRange{}) {
		at := func(t int64) string {
			switch t {
			case MinTime:
				return "-"
			case MaxTime:
				return "+"
			}
			return time.UnixMicro(t).UTC().Format("2006-01-02T15:04:05.999999")
		}
		field("time", at(e.Time.Lo)+"/"+at(e.Time.Hi))
	}
	if e.Param.Kind == definitions.SearchNumber || e.Param.Kind == definitions.SearchQuantity {
		field("number", fmt.Sprintf("%g[%.4g,%.4g]", e.Number.Value, e.Number.Lo, e.Number.Hi))
	}
	if e.Canonical != nil {
		field("canonical", fmt.Sprintf("%g%s", e.Canonical.Range.Value, e.Canonical.Unit))
	}
	for i := range e.Parts {
		field("part", "("+shown(&e.Parts[i])+")")
	}
	return strings.TrimSpace(b.String())
}

func TestEachTypeIsIndexedByTheElementsThatTheSpecificationNames(t *testing.T) {
	c := r4(t)
	long := strings.Repeat("x", 2000)
	for _, x := range []struct {
		name, resource, code string
		want                 []string
	}{
		{"CodeableConcept with an own text", `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"s","code":"c","display":"D"},{"code":"d"}],"text":"own"}}`,
			"code", []string{"system=s code=c text=D", "code=d", "text=own"}},
		{"CodeableConcept whose text is a display", `{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"c","display":"Same"}],"text":"same"}}`,
			"code", []string{"code=c text=Same"}},
		{"a coding that is there twice", `{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"c"},{"code":"c"}]}}`, "code", []string{"code=c"}},
		{"Identifier", `{"resourceType":"Patient","identifier":[{"system":"s","value":"v","type":{"text":"MRN"}},{"use":"old"}]}`,
			"identifier", []string{"system=s code=v text=MRN"}},
		{"code", `{"resourceType":"Patient","gender":"male"}`, "gender", []string{"system=http://hl7.org/fhir/administrative-gender code=male"}},
		{"boolean", `{"resourceType":"Patient","active":true}`, "active", []string{"system=" + specialValues + " code=true"}},
		{"ContactPoint", `{"resourceType":"Patient","telecom":[{"system":"phone","value":"1","use":"home"},{"system":"email","value":"e"}]}`, "telecom", []string{"code=1", "code=e"}},
		{"ContactPoint by system", `{"resourceType":"Patient","telecom":[{"system":"phone","value":"1"},{"system":"email","value":"e"}]}`, "email", []string{"code=e"}},
		{"string as token", `{"resourceType":"ValueSet","status":"draft","version":"1.0-RC"}`, "version", []string{"code=1.0-rc"}},
		{"HumanName, whose family and given are entries of theirs", `{"resourceType":"Patient","name":[{"text":"T","family":"Fä","given":["G1","G2"],"prefix":["P"],"suffix":["S"],"use":"official"}]}`, "name",
			[]string{"text=T norm=t", "text=P norm=p", "text=S norm=s", "text=P G1 G2 Fä S norm=p g1 g2 fa s"}},
		{"Address, whose city and country are entries of theirs", `{"resourceType":"Patient","address":[{"line":["L 1"],"city":"C","country":"DE","use":"home"}]}`, "address",
			[]string{"text=L 1 norm=l 1", "text=L 1, C, DE norm=l 1 c de"}},
		{"HumanName in parts", `{"resourceType":"Person","name":[{"family":"F","given":["G"]}]}`, "name", []string{"text=G norm=g", "text=F norm=f", "text=G F norm=g f"}},
		{"long text", `{"resourceType":"ValueSet","status":"draft","description":"` + long + `"}`, "description", []string{"text=" + Bound(long) + " norm=" + long[:MaxText]}},
		{"date", `{"resourceType":"Patient","birthDate":"1980-02"}`, "birthdate", []string{"time=1980-02-01T00:00:00/1980-03-01T00:00:00"}},
		{"dateTime", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectiveDateTime":"2020-01-01T10:00:00+02:00"}`, "date",
			[]string{"time=2020-01-01T08:00:00/2020-01-01T08:00:01"}},
		{"instant", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectiveInstant":"2020-01-01T10:00:00.123Z"}`, "date",
			[]string{"time=2020-01-01T10:00:00.123/2020-01-01T10:00:00.124"}},
		{"Period without end", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectivePeriod":{"start":"2020"}}`, "date", []string{"time=2020-01-01T00:00:00/+"}},
		{"Period without start", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectivePeriod":{"end":"2020-01-01"}}`, "date", []string{"time=-/2020-01-02T00:00:00"}},
		{"Period that ends before it begins", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectivePeriod":{"start":"2021","end":"2020"}}`, "date", nil},
		{"Timing of events", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectiveTiming":{"event":["2020-03-01","2020-01-01"]}}`, "date",
			[]string{"time=2020-01-01T00:00:00/2020-03-02T00:00:00"}},
		{"Timing with bounds", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectiveTiming":{"repeat":{"boundsPeriod":{"start":"2020-01-01","end":"2020-01-31"}}}}`, "date",
			[]string{"time=2020-01-01T00:00:00/2020-02-01T00:00:00"}},
		{"Timing of a code", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectiveTiming":{"code":{"text":"BID"}}}`, "date", nil},
		{"Quantity", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50,"unit":"gram","system":"http://unitsofmeasure.org","code":"kg"}}`,
			"value-quantity", []string{"system=http://unitsofmeasure.org code=kg text=gram number=1.5[1.5,1.5] canonical=1500g"}},
		{"Quantity with comparator", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":2,"comparator":"<="}}`,
			"value-quantity", []string{"number=2[-1.798e+308,2]"}},
		{"Quantity without value", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"unit":"kg"}}`, "value-quantity", nil},
		{"Quantity in pH", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":7.4,"system":"http://unitsofmeasure.org","code":"[pH]"}}`,
			"value-quantity", []string{"system=http://unitsofmeasure.org code=[pH] number=7.4[7.4,7.4]"}},
		{"SampledData", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueSampledData":{"origin":{"value":10,"unit":"mV"},"period":1,"factor":2,"lowerLimit":-50,"dimensions":1,"data":"1 3 L E"}}`,
			"value-quantity", []string{"text=mV number=-50[-50,16]"}},
		{"Money", `{"resourceType":"Invoice","status":"issued","totalNet":{"value":3,"currency":"EUR"}}`, "totalnet", []string{"system=urn:iso:std:iso:4217 code=EUR number=3[3,3]"}},
		{"Range", `{"resourceType":"Condition","subject":{"display":"x"},"onsetRange":{"low":{"value":1},"high":{"value":2,"unit":"a"}}}`, "onset-age", []string{"number=1[1,2]"}},
		{"Range without low", `{"resourceType":"Condition","subject":{"display":"x"},"onsetRange":{"high":{"value":2,"unit":"a"}}}`, "onset-age", []string{"text=a number=2[-1.798e+308,2]"}},
		{"Reference", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p/_history/3","identifier":{"system":"s","value":"v"}}}`, "subject",
			[]string{"ref=Patient/p version=3", "system=s code=v"}},
		{"Reference below the base URL", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"https://fhir.example.org/r4/Patient/p"}}`, "subject", []string{"ref=Patient/p"}},
		{"Reference elsewhere", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"https://fhir.example.org/r4b/Patient/p"}}`, "subject", []string{"url=https://fhir.example.org/r4b/Patient/p"}},
		{"Reference elsewhere to a patient", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"https://other.example.org/Patient/p"}}`, "patient", []string{"url=https://other.example.org/Patient/p"}},
		{"Reference to a group is no patient", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Group/Patient"}}`, "patient", nil},
		{"contained Reference", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}}`, "subject", []string{"text=#p"}},
		{"logical Reference with a type", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"type":"Patient","identifier":{"value":"v"}}}`, "patient", []string{"code=v"}},
		{"canonical", `{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"http://q|1"}`, "questionnaire", []string{"url=http://q version=1"}},
		{"canonical as uri", `{"resourceType":"Patient","meta":{"profile":["http://p|1"]}}`, "_profile", []string{"url=http://p|1", "url=http://p"}},
		{"resource in a Bundle", `{"resourceType":"Bundle","type":"document","entry":[{"resource":{"resourceType":"Composition","id":"c","status":"final","type":{"text":"x"},"date":"2020","author":[{"display":"x"}],"title":"t"}}]}`,
			"composition", []string{"ref=Composition/c"}},
		{"composite", `{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"a"},{"code":"b"}]},"valueQuantity":{"value":1}}`, "code-value-quantity",
			[]string{"part=(code=a) part=(number=1[1,1])", "part=(code=b) part=(number=1[1,1])"}},
	} {
		tree, err := fhir.ParseJSON(c.defs, []byte(x.resource), fhir.Limits{})
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		entries, err := c.Extract(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range entries {
			if entries[i].Param.Code == x.code {
				got = append(got, shown(&entries[i]))
			}
		}
		if diff := cmp.Diff(x.want, got); diff != "" {
			t.Errorf("%s: %s", x.name, diff)
		}
	}
}

func TestManyEntriesHaveNoDuplicates(t *testing.T) {
	c := r4(t)
	var b strings.Builder
	b.WriteString(`{"resourceType":"CodeSystem","status":"draft","content":"complete","concept":[`)
	for i := range 3000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"code":"c%d"}`, i%1500)
	}
	b.WriteString("]}")
	tree, err := fhir.ParseJSON(c.defs, []byte(b.String()), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := c.Extract(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range entries {
		if entries[i].Param.Code == "code" {
			n++
		}
	}
	if n != 1500 {
		t.Errorf("%d entries, want 1500", n)
	}
}

func BenchmarkParse(b *testing.B) {
	c := r4(b)
	pairs := []Pair{{"patient", "Patient/123"}, {"code", "http://loinc.org|8480-6,http://loinc.org|8462-4"}, {"date", "ge2020-01-01"}, {"_sort", "-date"}, {"_count", "50"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Parse("Observation", pairs, ParseOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirstExtract is what the first resource after the start of the
// program pays for compiling a type's parameters.
func BenchmarkFirstExtract(b *testing.B) {
	tree := synthea(b, r4(b), 1)["Observation"][0]
	for b.Loop() {
		c, err := NewCatalog(tree.Definitions(), "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Extract(b.Context(), tree); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExtract(b *testing.B) {
	c := r4(b)
	all := synthea(b, c, 500)
	for _, name := range []string{"Observation", "Patient", "Condition", "Encounter", "Claim"} {
		trees := all[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			entries := 0
			for i := 0; b.Loop(); i++ {
				list, err := c.Extract(b.Context(), trees[i%len(trees)])
				if err != nil {
					b.Fatal(err)
				}
				entries += len(list)
			}
			b.ReportMetric(float64(entries)/float64(b.N), "entries/op")
		})
	}
}

func TestAResourceWithTooManyValuesIsRefused(t *testing.T) {
	c := r4(t)
	var b strings.Builder
	for i := range MaxEntries/2 + 1 { // phone and telecom
		fmt.Fprintf(&b, `{"system":"phone","value":"%d"},`, i)
	}
	tree, err := fhir.ParseJSON(c.defs, []byte(`{"resourceType":"Patient","telecom":[`+b.String()+`{"value":"x"}]}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Extract(t.Context(), tree); fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), "split") {
		t.Errorf("gives %v", err)
	}
}

// observation has one component whose code and value hold so many codings.
func observation(t *testing.T, c *Catalog, codes, values int) *fhir.Tree {
	t.Helper()
	concept := func(n int) string {
		codings := make([]string, n)
		for i := range codings {
			codings[i] = fmt.Sprintf(`{"system":"s","code":"%d"}`, i)
		}
		return `{"coding":[` + strings.Join(codings, ",") + `]}`
	}
	tree, err := fhir.ParseJSON(c.defs, []byte(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"component":[
		{"code":`+concept(codes)+`,"valueCodeableConcept":`+concept(values)+`}]}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestContainedResourcesAreFollowedBoundedlyOften(t *testing.T) {
	c := r4(t)
	patient := func(n int) string {
		var contained []string
		for i := range n {
			var links []string
			for j := range n {
				links = append(links, fmt.Sprintf(`{"other":{"reference":"#p%d"},"type":"seealso"}`, j))
			}
			contained = append(contained, fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","link":[%s]}`, i, strings.Join(links, ",")))
		}
		return fmt.Sprintf(`{"resourceType":"Observation","contained":[%s],"status":"final","code":{"text":"x"},"subject":{"reference":"#p0"}}`, strings.Join(contained, ","))
	}
	for n, refused := range map[int]bool{20: false, 30: true} {
		tree, err := fhir.ParseJSON(c.Definitions(), []byte(patient(n)), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.Extract(t.Context(), tree); (err != nil) != refused || err != nil && fault.KindOf(err) != fault.Unprocessable {
			t.Errorf("%d that refer to each other: %v", n, err)
		}
	}
}

func TestACompositeHasEveryCombinationOfItsValues(t *testing.T) {
	c := r4(t)
	entries, err := c.Extract(t.Context(), observation(t, c, 32, 32))
	if err != nil {
		t.Fatal(err)
	}
	combinations := 0
	for _, e := range entries {
		if e.Param.Code == "component-code-value-concept" {
			combinations++
		}
	}
	if combinations != 32*32 {
		t.Errorf("%d combinations, want %d", combinations, 32*32)
	}
}

func TestACompositeOfTooManyCombinationsIsRefusedAtItsElement(t *testing.T) {
	c := r4(t)
	for _, size := range [][2]int{{33, 32}, {1, maxCombinations + 1}, {20_000, 20_000}} {
		_, err := c.Extract(t.Context(), observation(t, c, size[0], size[1]))
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != fault.Unprocessable || e.Issues[0].Path != "Observation.component[0]" || !strings.Contains(err.Error(), "code-value-concept") {
			t.Errorf("%d times %d give %v", size[0], size[1], err)
		}
	}
}

var (
	jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")
	tableRow  = regexp.MustCompile(`(?m)^\| (\w+) \| (Observation [^|]*) \| ([^|]*) \| 46 \|$`)
)

func TestTheExampleInArchitectureIsIndexedAsItsTableSays(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	c := r4(t)
	tree, err := fhir.ParseJSON(c.defs, jsonBlock.FindSubmatch(text)[1], fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := c.Extract(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	rows := tableRow.FindAllStringSubmatch(string(text), -1)
	if len(rows) < 5 {
		t.Fatalf("%d rows were found", len(rows))
	}
	for _, row := range rows {
		for param := range strings.SplitSeq(row[2], ", ") {
			i := slices.IndexFunc(entries, func(e Entry) bool {
				return "Observation "+e.Param.Code == param && string(e.Param.Kind) == row[1]
			})
			if i < 0 {
				t.Errorf("there is no entry of %s in table %s", param, row[1])
				continue
			}
			if q := entries[i].Canonical; q != nil {
				if value := fmt.Sprint(int(q.Range.Value)); !strings.Contains(strings.ReplaceAll(row[3], " ", ""), value) || !strings.Contains(row[3], q.Unit) {
					t.Errorf("%s is %s %s, not %s", param, value, q.Unit, row[3])
				}
			}
		}
	}
}
