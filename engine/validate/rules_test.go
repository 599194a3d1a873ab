package validate

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func parse(t testing.TB, d *definitions.Definitions, src string) *fhir.Tree {
	t.Helper()
	tree, err := fhir.ParseJSON(d, []byte(src), fhir.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return tree
}

// wants checks that an issue of the severity has the path and holds the text.
func wants(t *testing.T, issues []fault.Issue, severity fault.Severity, path, text string) {
	t.Helper()
	for _, i := range issues {
		if i.Severity == severity && i.Path == path && strings.Contains(i.Message, text) {
			return
		}
	}
	t.Errorf("no %s at %s with %q in %v", severity, path, text, issues)
}

func TestEachRuleOfTheReleaseIsKept(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	const obs = `{"resourceType":"Observation","status":"final","code":{"text":"x"}`
	for _, k := range []struct{ name, src, path, text string }{
		{"required element", `{"resourceType":"Observation","status":"final"}`, "Observation", "code is missing"},
		{"required choice", `{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"display":"x"}}`, "MedicationRequest", "medication[x] (CodeableConcept, Reference) is missing"},
		{"required in a backbone", `{"resourceType":"Patient","link":[{"other":{"display":"x"}}]}`, "Patient.link[0]", "type is missing"},
		{"required in a datatype", obs + `,"extension":[{"valueString":"x"}]}`, "Observation.extension[0]", "url is missing"},
		{"required through a content reference", `{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"type":"string"}]}]}`, "Questionnaire.item[0].item[0]", "linkId is missing"},
		{"required binding of a code", `{"resourceType":"Patient","gender":"femail"}`, "Patient.gender", `"femail" is not in the value set`},
		{"allowed codes are named", `{"resourceType":"Patient","gender":"femail"}`, "Patient.gender", "female, male, other, unknown"},
		{"required binding of a concept", `{"resourceType":"Condition","subject":{"display":"x"},"clinicalStatus":{"coding":[{"system":"http://example.org","code":"active"}]}}`, "Condition.clinicalStatus", "is not in the value set"},
		{"text alone for a required binding", `{"resourceType":"Condition","subject":{"display":"x"},"clinicalStatus":{"text":"active"}}`, "Condition.clinicalStatus", "a text without a code"},
		{"code without its system", `{"resourceType":"Condition","subject":{"display":"x"},"clinicalStatus":{"coding":[{"code":"active"}]}}`, "Condition.clinicalStatus", "without a system"},
		{"MIME type", `{"resourceType":"Binary","contentType":"plain text"}`, "Binary.contentType", "mimetypes"},
		{"currency", `{"resourceType":"Account","status":"active","coverage":[{"coverage":{"display":"x"}}],"extension":[{"url":"http://example.org/a","valueMoney":{"value":1,"currency":"euro"}}]}`, "Account.extension[0].value.currency", "currencies"},
		{"target of a reference", obs + `,"subject":{"reference":"Encounter/1"}}`, "Observation.subject", "refers to Encounter; allowed here: Patient, Group, Device, Location"},
		{"target of an absolute reference", obs + `,"subject":{"reference":"http://example.org/fhir/Encounter/1/_history/2"}}`, "Observation.subject", "refers to Encounter"},
		{"target of a conditional reference", obs + `,"subject":{"reference":"Encounter?identifier=1"}}`, "Observation.subject", "refers to Encounter"},
		{"type of a logical reference", obs + `,"subject":{"type":"Encounter","identifier":{"value":"1"}}}`, "Observation.subject", "refers to Encounter"},
		{"target that is contained", obs + `,"contained":[{"resourceType":"Encounter","id":"e","status":"planned","class":{"code":"AMB"}}],"subject":{"reference":"#e"}}`, "Observation.subject", "refers to Encounter"},
		{"target in the same Bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520","resource":{"resourceType":"Encounter","status":"planned","class":{"code":"AMB"}}},{"resource":` + obs + `,"subject":{"reference":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}}}]}`, "Bundle.entry[1].resource.subject", "refers to Encounter"},
		{"dom-2", obs + `,"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"#o"},"contained":[{"resourceType":"Organization","id":"o","name":"x"}]}]}`, "Observation", "dom-2"},
		{"two contained resources of an id", obs + `,"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p"},{"resourceType":"Patient","id":"p","active":true}]}`, "Observation.contained[1].id", "each needs an id of its own"},
		{"two elements of an id", `{"resourceType":"Patient","name":[{"id":"a","family":"x"},{"id":"b"},{"family":"y","id":"a"}]}`, "Patient.name[2].id", `"a" is the id of Patient.name[0], too`},
		{"a primitive and another element of an id", `{"resourceType":"Patient","birthDate":"2000-01-01","_birthDate":{"id":"a"},"name":[{"family":"x","id":"a"}]}`, "Patient.name[0].id", `"a" is the id of Patient.birthDate, too`},
		{"an element of what is contained and another of an id", obs + `,"method":{"id":"a","text":"y"},"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","name":[{"id":"a","family":"x"}]}]}`, "Observation.contained[0].name[0].id", `"a" is the id of Observation.method, too`},
		{"two elements of an id in an entry", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","name":[{"id":"a","family":"x"},{"id":"a","family":"y"}]}}]}`, "Bundle.entry[0].resource.name[1].id", `"a" is the id of Bundle.entry[0].resource.name[0], too`},
		{"two in an entry of a Bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + obs + `,"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p"},{"resourceType":"Group","id":"p","type":"person","actual":true}]}}]}`, "Bundle.entry[0].resource.contained[1].id", "each needs an id of its own"},
		{"the id of an element", `{"resourceType":"Patient","name":[{"id":"a b","text":"x"}]}`, "Patient.name[0].id", "has no spaces"},
		{"the id of a primitive", `{"resourceType":"Patient","birthDate":"2000","_birthDate":{"id":"a b"}}`, "Patient.birthDate.id", "has no spaces"},
		{"dom-3", obs + `,"contained":[{"resourceType":"Patient","id":"p"}]}`, "Observation", "dom-3"},
		{"dom-4", obs + `,"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","meta":{"versionId":"1"}}]}`, "Observation", "dom-4"},
		{"dom-5", obs + `,"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","meta":{"security":[{"code":"R"}]}}]}`, "Observation", "dom-5"},
		{"ext-1 both", obs + `,"extension":[{"url":"http://example.org/a","valueString":"x","extension":[{"url":"b","valueString":"y"}]}]}`, "Observation.extension[0]", "ext-1"},
		{"ext-1 neither", obs + `,"extension":[{"url":"http://example.org/a"}]}`, "Observation.extension[0]", "ext-1"},
		{"ele-1", `{"resourceType":"Patient","name":[{"id":"a"}]}`, "Patient.name[0]", "ele-1"},
		{"ref-1", obs + `,"subject":{"reference":"#p"}}`, "Observation.subject", "ref-1"},
		{"per-1", `{"resourceType":"Patient","name":[{"text":"x","period":{"start":"2020-02-01","end":"2020-01-01"}}]}`, "Patient.name[0].period", "per-1"},
		{"qty-3", obs + `,"valueQuantity":{"value":1,"code":"mg"}}`, "Observation.value", "qty-3"},
		{"cpt-2", `{"resourceType":"Patient","telecom":[{"value":"1"}]}`, "Patient.telecom[0]", "cpt-2"},
		{"att-1", `{"resourceType":"Patient","photo":[{"data":"AAAA"}]}`, "Patient.photo[0]", "att-1"},
		{"rng-2", obs + `,"valueRange":{"low":{"value":2},"high":{"value":1}}}`, "Observation.value", "rng-2"},
		{"obs-3", obs + `,"referenceRange":[{"appliesTo":[{"text":"x"}]}]}`, "Observation.referenceRange[0]", "obs-3"},
		{"obs-6", obs + `,"valueString":"x","dataAbsentReason":{"text":"y"}}`, "Observation", "obs-6"},
		{"pat-1", `{"resourceType":"Patient","contact":[{"gender":"male"}]}`, "Patient.contact[0]", "pat-1"},
		{"org-2 on an element", `{"resourceType":"Organization","name":"x","address":[{"use":"home","text":"y"}]}`, "Organization.address[0]", "org-2"},
		{"bdl-1", `{"resourceType":"Bundle","type":"collection","total":1}`, "Bundle", "bdl-1"},
		{"bdl-5", `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"http://example.org/a"}]}`, "Bundle.entry[0]", "bdl-5"},
		{"bdl-7", `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"http://example.org/a","resource":{"resourceType":"Basic","code":{"text":"x"}}},{"fullUrl":"http://example.org/a","resource":{"resourceType":"Basic","code":{"text":"x"}}}]}`, "Bundle", "bdl-7"},
		{"profile on a type", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"referenceRange":[{"low":{"value":1,"comparator":"<"}}]}`, "Observation.referenceRange[0].low", "sqty-1"},
		{"rule of a contained resource", obs + `,"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","gender":"m"}]}`, "Observation.contained[0].gender", "value set"},
		{"rule of an entry", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","gender":"m"}}]}`, "Bundle.entry[0].resource.gender", "value set"},
		{"element without value for a required code", `{"resourceType":"Observation","_status":{"id":"a"},"code":{"text":"x"}}`, "Observation.status", "ele-1"},
	} {
		t.Run(k.name, func(t *testing.T) {
			wants(t, v.Check(context.Background(), parse(t, d, k.src)), fault.ErrorLevel, k.path, k.text)
		})
	}
}

func TestWhatTheReleaseAllowsPasses(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	const obs = `{"resourceType":"Observation","status":"final","code":{"text":"x"}`
	for _, src := range []string{
		`{"resourceType":"Patient"}`,
		`{"resourceType":"Observation","_status":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]},"code":{"text":"x"}}`,
		obs + `,"contained":[{"resourceType":"Provenance","id":"p","target":[{"reference":"#"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}]}`,
		obs + `,"subject":{"reference":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}}`,
		obs + `,"subject":{"reference":"http://example.org/patients?id=7"}}`,
		obs + `,"subject":{"reference":"Patient/1"},"valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"furlong"}}`,
		`{"resourceType":"Condition","subject":{"display":"x"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"no such"}]}}`,
		`{"resourceType":"Patient","name":[{"text":"x","period":{"start":"2020-01","end":"2020-01-01"}}]}`,
		`{"resourceType":"Binary","contentType":"application/fhir+json;fhirVersion=4.0"}`,
		`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","name":[{"id":"a","family":"x"}]}},{"id":"a","resource":{"resourceType":"Patient","id":"a","name":[{"id":"a","family":"x"}]}}]}`,
		`{"resourceType":"StructureDefinition","url":"http://example.org/x","name":"X","status":"draft","kind":"resource","abstract":false,"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint",
			"snapshot":{"element":[{"id":"Patient","path":"Patient","definition":"x","min":0,"max":"*","base":{"path":"Patient","min":0,"max":"*"}}]},"differential":{"element":[{"id":"Patient","path":"Patient"}]}}`,
	} {
		if issues := v.Check(context.Background(), parse(t, d, src)); len(issues) > 0 {
			t.Errorf("%s: %v", src, issues)
		}
	}
}

func TestBestPracticesAreWarnedOfButNotOnWrites(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	tree := parse(t, d, `{"resourceType":"Patient"}`)
	if issues := v.Check(context.Background(), tree); len(issues) > 0 {
		t.Errorf("on a write: %v", issues)
	}
	wants(t, v.Validate(context.Background(), tree, nil), fault.Warning, "Patient", "dom-6")
}

func TestNoInvariantFailsToEvaluate(t *testing.T) {
	for file, release := range map[string]definitions.Release{"examples-r4.zip": definitions.R4, "examples-r4b.zip": definitions.R4B} {
		d := definitions.MustBuiltIn(release)
		v := New(d, Options{})
		eachExample(t, file, func(name string, content []byte) {
			tree, err := fhir.ParseJSON(d, content, fhir.Limits{})
			if err != nil {
				return
			}
			for _, i := range v.Validate(context.Background(), tree, nil) {
				// Units without a code cannot be compared, and rng-2 compares.
				if strings.Contains(i.Message, "could not be evaluated") && !strings.Contains(i.Message, "cannot be compared") {
					t.Errorf("%s %s: %v", release, name, i)
				}
			}
		})
		for _, typ := range d.ResourceTypes() {
			for _, inv := range d.Type(typ).Invariants {
				if _, err := fhirpath.Compile(v.rule(inv).expression); err != nil {
					t.Errorf("%s %s: %v", typ, inv.Key, err)
				}
			}
		}
	}
}

func TestInvariantsInGoSayWhatTheirExpressionsSay(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	compared := 0
	compare := func(n fhir.Node, list []*definitions.Invariant) {
		for _, inv := range list {
			r := v.rule(inv)
			if r.direct == nil {
				continue
			}
			got, known := r.direct(&run{v: v}, n)
			if !known {
				continue
			}
			// R4 asks dom-3 with as() of many items; ofType() is what later releases ask.
			x, err := fhirpath.Compile(strings.ReplaceAll(r.expression, ".as(", ".ofType("))
			if err != nil {
				t.Fatal(err)
			}
			want, err := x.Holds(context.Background(), v.env, n)
			if err != nil {
				t.Errorf("%s %s: %v", n.Path(), inv.Key, err)
			} else if got != want {
				t.Errorf("%s %s: in Go %v, by the expression %v", n.Path(), inv.Key, got, want)
			}
			compared++
		}
	}
	eachExample(t, "examples-r4.zip", func(name string, content []byte) {
		tree, err := fhir.ParseJSON(d, content, fhir.Limits{})
		if err != nil || len(content) > 60_000 {
			return
		}
		compare(tree.Root(), tree.Root().Type().Invariants)
		for n := range tree.Root().Descendants() {
			compare(n, n.Type().Invariants)
			compare(n, n.Element().Invariants)
		}
	})
	if compared < 10_000 {
		t.Errorf("only %d comparisons", compared)
	}
}

func TestManyContainedResourcesAreCheckedInReasonableTime(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	var b strings.Builder
	const many = 10_000
	b.WriteString(`{"resourceType":"List","status":"current","mode":"working","contained":[`)
	for i := range many {
		fmt.Fprintf(&b, `%s{"resourceType":"Basic","id":"b%d","code":{"text":"x"}}`, comma(i), i)
	}
	b.WriteString(`],"entry":[`)
	for i := range many {
		fmt.Fprintf(&b, `%s{"item":{"reference":"#b%d"}}`, comma(i), many-1-i)
	}
	b.WriteString(`]}`)
	tree := parse(t, d, b.String())
	start := time.Now()
	if issues := v.Check(context.Background(), tree); len(issues) > 0 {
		t.Error(issues[0])
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

func TestAReportIsBounded(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	tree := parse(t, d, `{"resourceType":"Patient","telecom":[`+strings.TrimSuffix(strings.Repeat(`{"value":"1"},`, 1000), ",")+`]}`)
	issues := v.Check(context.Background(), tree)
	if len(issues) != maxIssues+1 || !strings.Contains(issues[maxIssues].Message, "900 more problems") {
		t.Errorf("%d issues, the last %v", len(issues), issues[len(issues)-1])
	}
}
