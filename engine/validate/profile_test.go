package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestEveryProfileOfEveryPackageCompiles(t *testing.T) {
	r4 := definitions.MustBuiltIn(definitions.R4)
	packages, err := filepath.Glob(filepath.Join(testdata.Dir(t, "packages"), "*.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range packages {
		name := filepath.Base(path)
		if strings.Contains(name, "r5") || strings.Contains(name, ".core-4") {
			continue
		}
		if strings.HasPrefix(name, "hl7.fhir.us.core-4") {
			continue
		}
		d := testpackage.Load(t, r4, name)
		compileAll(t, name, d)
	}
	compileAll(t, "R4B", definitions.MustBuiltIn(definitions.R4B))
}

func compileAll(t *testing.T, name string, d *definitions.Definitions) {
	v := New(d, Options{})
	n := 0
	for _, typ := range append(d.ResourceTypes(), "Extension", "Quantity", "HumanName", "Address", "Resource", "DomainResource") {
		for _, p := range d.Profiles(typ) {
			n++
			s, err := v.profile(p.URL)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if s == nil {
				t.Errorf("%s: %s is not found by its URL", name, p.URL)
			}
		}
	}
	t.Logf("%s: %d profiles", name, n)
}

func TestSyntheticPatientsConformToTheProfilesTheyClaim(t *testing.T) {
	d := testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), "hl7.fhir.us.core-3.1.1.tgz")
	v := New(d, Options{})
	n := 0
	kinds := map[string]int{}
	for _, file := range testdata.Files(t, "*.ndjson.gz", "synthea", "uscore311-2021") {
		for line := range testdata.Lines(t, file, 2) {
			for _, tree := range entries(t, d, line) {
				n++
				for _, i := range errorsOf(v.Validate(context.Background(), tree, nil)) {
					k := fmt.Sprint(tree.Type(), " ", i.Message)
					if kinds[k]++; kinds[k] == 1 {
						t.Errorf("%s %s: %v", filepath.Base(file), tree.Key(), i)
					}
				}
			}
		}
	}
	t.Logf("%d resources", n)
}

// definition is a guide of profiles written in a test.
func definition(t *testing.T, profiles ...string) *definitions.Definitions {
	t.Helper()
	return packed(t, definitions.MustBuiltIn(definitions.R4), profiles...)
}

func TestEachRuleOfAProfileIsKept(t *testing.T) {
	d := definition(t, `{"resourceType":"StructureDefinition","url":"http://example.org/obs","type":"Observation","kind":"resource","derivation":"constraint",
		"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Observation","differential":{"element":[
		{"id":"Observation","path":"Observation","constraint":[{"key":"my-1","severity":"error","human":"A note is wanted","expression":"note.exists()"}]},
		{"id":"Observation.status","path":"Observation.status","fixedCode":"final"},
		{"id":"Observation.category","path":"Observation.category","slicing":{"discriminator":[{"type":"pattern","path":"$this"}],"rules":"closed"},"min":1},
		{"id":"Observation.category:lab","path":"Observation.category","sliceName":"lab","min":1,"max":"1","patternCodeableConcept":{"coding":[{"system":"http://example.org/cat","code":"lab"}]}},
		{"id":"Observation.code","path":"Observation.code","patternCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"1-8"}]}},
		{"id":"Observation.subject","path":"Observation.subject","min":1,"type":[{"code":"Reference","targetProfile":["http://example.org/pat"]}]},
		{"id":"Observation.effective[x]","path":"Observation.effective[x]","type":[{"code":"dateTime"}]},
		{"id":"Observation.value[x]","path":"Observation.value[x]","slicing":{"discriminator":[{"type":"type","path":"$this"}],"rules":"open"}},
		{"id":"Observation.value[x]:valueQuantity","path":"Observation.value[x]","sliceName":"valueQuantity","min":0,"max":"1","type":[{"code":"Quantity"}]},
		{"id":"Observation.value[x]:valueQuantity.code","path":"Observation.value[x].code","min":1,"fixedCode":"mg"},
		{"id":"Observation.bodySite","path":"Observation.bodySite","max":"0"},
		{"id":"Observation.component","path":"Observation.component","slicing":{"discriminator":[{"type":"value","path":"code.coding.code"}],"rules":"openAtEnd","ordered":true}},
		{"id":"Observation.component:sys","path":"Observation.component","sliceName":"sys","min":0,"max":"1"},
		{"id":"Observation.component:sys.code.coding.code","path":"Observation.component.code.coding.code","fixedCode":"sys"},
		{"id":"Observation.component:sys.value[x]","path":"Observation.component.value[x]","min":1},
		{"id":"Observation.component:dia","path":"Observation.component","sliceName":"dia","min":0,"max":"1"},
		{"id":"Observation.component:dia.code.coding.code","path":"Observation.component.code.coding.code","fixedCode":"dia"},
		{"id":"Observation.extension","path":"Observation.extension","slicing":{"discriminator":[{"type":"value","path":"url"}],"rules":"open"}},
		{"id":"Observation.extension:flag","path":"Observation.extension","sliceName":"flag","min":0,"max":"1","type":[{"code":"Extension","profile":["http://example.org/flag"]}]}
		]}}`,
		`{"resourceType":"StructureDefinition","url":"http://example.org/pat","type":"Patient","kind":"resource","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"id":"Patient.name","path":"Patient.name","min":1}]}}`,
		`{"resourceType":"StructureDefinition","url":"http://example.org/flag","type":"Extension","kind":"complex-type","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension","context":[{"type":"element","expression":"Observation"}],"differential":{"element":[{"id":"Extension.url","path":"Extension.url","fixedUri":"http://example.org/flag"},{"id":"Extension.value[x]","path":"Extension.value[x]","min":1,"type":[{"code":"boolean"}]}]}}`,
		`{"resourceType":"StructureDefinition","url":"http://example.org/derived","type":"Observation","kind":"resource","derivation":"constraint","baseDefinition":"http://example.org/obs","differential":{"element":[{"id":"Observation.method","path":"Observation.method","min":1}]}}`,
		`{"resourceType":"StructureDefinition","url":"http://example.org/orphan","type":"Observation","kind":"resource","derivation":"constraint","baseDefinition":"http://example.org/nowhere","differential":{"element":[{"id":"Observation.method","path":"Observation.method","min":1}]}}`)
	v := New(d, Options{})
	good := map[string]any{}
	if err := json.Unmarshal([]byte(`{"resourceType":"Observation","status":"final","note":[{"text":"x"}],
		"category":[{"coding":[{"system":"http://example.org/cat","code":"lab","display":"Lab"}]}],
		"code":{"coding":[{"system":"http://example.org","code":"other"},{"system":"http://loinc.org","code":"1-8"}]},
		"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","name":[{"text":"x"}]}],
		"effectiveDateTime":"2020-01-01","valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"mg"},
		"component":[{"code":{"coding":[{"code":"sys"}]},"valueString":"1"},{"code":{"coding":[{"code":"dia"}]}},{"code":{"text":"other"}}],
		"extension":[{"url":"http://example.org/flag","valueBoolean":true}]}`), &good); err != nil {
		t.Fatal(err)
	}
	const obs = "http://example.org/obs"
	for _, k := range []struct{ name, profile, property, value, path, text string }{
		{"nothing wrong", obs, "", "", "", ""},
		{"unknown profile", "http://example.org/none", "", "", "Observation", "not known"},
		{"profile without its base", "http://example.org/orphan", "", "", "Observation", "http://example.org/nowhere is not loaded"},
		{"profile of another type", "http://example.org/pat", "", "", "Observation", "is for Patient"},
		{"derived profile", "http://example.org/derived", "", "", "Observation", "method is wanted 1 times"},
		{"base of a derived profile", "http://example.org/derived", "status", `"amended"`, "Observation.status", "must be exactly"},
		{"invariant", obs, "note", "", "Observation", "my-1"},
		{"fixed value", obs, "status", `"amended"`, "Observation.status", `must be exactly "final"`},
		{"pattern", obs, "code", `{"coding":[{"system":"http://loinc.org","code":"2-6"}]}`, "Observation.code", "must hold at least"},
		{"minimum", obs, "subject", "", "Observation", "subject is wanted 1 times at least, and stands here not at all"},
		{"maximum", obs, "bodySite", `{"text":"x"}`, "Observation", "bodySite is not allowed here"},
		{"type of a choice", obs, "effectivePeriod", `{"start":"2020-01-01"}`, "Observation.effective", "is of type Period; allowed here: dateTime"},
		{"missing slice", obs, "category", `[{"text":"x"}]`, "Observation", "category:lab is wanted"},
		{"item outside closed slicing", obs, "category", `[{"coding":[{"system":"http://example.org/cat","code":"lab"}]},{"text":"x"}]`, "Observation.category[1]", "in none of the slices lab"},
		{"too many in a slice", obs, "category", `[{"coding":[{"system":"http://example.org/cat","code":"lab"}]},{"coding":[{"system":"http://example.org/cat","code":"lab"}]}]`, "Observation", "category:lab is allowed once at most"},
		{"inside a slice by type", obs, "valueQuantity", `{"value":1,"system":"http://unitsofmeasure.org","code":"g"}`, "Observation.value.code", `must be exactly "mg"`},
		{"inside a slice by value", obs, "component", `[{"code":{"coding":[{"code":"sys"}]}}]`, "Observation.component[0]", "value is wanted"},
		{"order of slices", obs, "component", `[{"code":{"coding":[{"code":"dia"}]}},{"code":{"coding":[{"code":"sys"}]},"valueString":"x"}]`, "Observation.component[1]", "out of order"},
		{"what is open only at the end", obs, "component", `[{"code":{"text":"x"}},{"code":{"coding":[{"code":"dia"}]}}]`, "Observation.component[1]", "before what is in no slice"},
		{"profile of a contained target", obs, "contained", `[{"resourceType":"Patient","id":"p"}]`, "Observation.subject", "conforms to none of http://example.org/pat"},
		{"type of a target", obs, "subject", `{"reference":"Group/1"}`, "Observation.subject", "refers to Group"},
		{"value of an extension", obs, "extension", `[{"url":"http://example.org/flag","valueString":"x"}]`, "Observation.extension[0].value", "is of type string; allowed here: boolean"},
		{"place of an extension", obs, "method", `{"extension":[{"url":"http://example.org/flag","valueBoolean":true}],"text":"x"}`, "Observation.method.extension[0]", "may not stand here; it may on Observation"},
	} {
		t.Run(k.name, func(t *testing.T) {
			src := map[string]any{}
			for name, v := range good {
				src[name] = v
			}
			if k.property == "effectivePeriod" {
				delete(src, "effectiveDateTime")
			}
			if k.value == "" {
				delete(src, k.property)
			} else {
				src[k.property] = json.RawMessage(k.value)
			}
			if k.property == "subject" {
				delete(src, "contained")
			}
			text, err := json.Marshal(src)
			if err != nil {
				t.Fatal(err)
			}
			issues := v.Validate(context.Background(), parse(t, d, string(text)), []string{k.profile})
			if k.path == "" {
				if e := errorsOf(issues); len(e) > 0 {
					t.Error(e)
				}
				return
			}
			wants(t, issues, fault.ErrorLevel, k.path, k.text)
		})
	}
}

func TestExamplesOfGuidesConformToTheirProfiles(t *testing.T) {
	listed := exceptions(t, "guides.txt")
	for _, name := range []string{
		"hl7.fhir.us.core-3.1.1.tgz", "hl7.fhir.us.core-5.0.1.tgz", "hl7.fhir.us.core-6.1.0.tgz", "hl7.fhir.us.core-7.0.0.tgz",
		"hl7.fhir.us.core-8.0.0.tgz", "hl7.fhir.uv.ips-1.1.0.tgz",
	} {
		d := testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), name)
		v := New(d, Options{})
		n := 0
		eachPackedExample(t, name, func(file string, content []byte) {
			n++
			key := strings.TrimSuffix(name, ".tgz") + "/" + file
			tree, err := fhir.ParseJSON(d, content, fhir.Limits{})
			var found []fault.Issue
			if err == nil {
				found = errorsOf(v.Validate(context.Background(), tree, nil))
			}
			if wrong := err != nil || len(found) > 0; wrong != (listed[key] != "") {
				t.Errorf("%s: listed %q, found %v %v", key, listed[key], err, found)
			}
			delete(listed, key)
		})
		t.Logf("%s: %d examples", name, n)
	}
	for key := range listed {
		t.Errorf("%s is listed but not among the examples", key)
	}
}

func TestAProfileThatAnEntryClaimsIsChecked(t *testing.T) {
	d := definition(t, `{"resourceType":"StructureDefinition","url":"http://example.org/pat","type":"Patient","kind":"resource","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"id":"Patient.name","path":"Patient.name","min":1}]}}`)
	v := New(d, Options{})
	tree := parse(t, d, `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520","resource":{"resourceType":"Patient","meta":{"profile":["http://example.org/pat","http://example.org/other"]}}}]}`)
	issues := v.Validate(context.Background(), tree, nil)
	wants(t, issues, fault.ErrorLevel, "Bundle.entry[0].resource", "name is wanted")
	wants(t, issues, fault.Information, "Bundle.entry[0].resource", "http://example.org/other is not known")
}
