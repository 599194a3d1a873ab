package validate

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestAVitalSignConformsToItsProfileThoughItDoesNotClaimIt(t *testing.T) {
	const (
		pressure = `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
			"code":{"coding":[{"system":%q,"code":"8867-4"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-01","valueQuantity":{"value":61,"unit":"beats/min","system":"http://unitsofmeasure.org","code":%q}}`
		place = "Observation.value.code"
	)
	for _, d := range []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4), definitions.MustBuiltIn(definitions.R4B), testpackage.R5(t)} {
		v := New(d, Options{})
		if n := len(v.vitals()); n != 9 {
			t.Errorf("%s: %d vital signs", d.Release, n)
		}
		for _, k := range []struct {
			system, unit string
			wrong        bool
		}{{loinc, "/min", false}, {loinc, "Cel", true}, {"http://other.example", "Cel", false}} {
			all := v.Validate(context.Background(), parse(t, d, fmt.Sprintf(pressure, k.system, k.unit)), nil)
			e := errorsOf(all)
			if why := strings.Contains(fmt.Sprint(all), "its code, LOINC 8867-4, is that of a vital sign"); why != k.wrong {
				t.Errorf("says why it is checked: %v: %v", why, all)
			}
			if k.wrong != (len(e) > 0) || k.wrong && (e[0].Path != place || !strings.Contains(e[0].Message, "StructureDefinition/heartrate")) {
				t.Errorf("%s %s %s: %v", d.Release, k.system, k.unit, e)
			}
			if e := v.Check(context.Background(), parse(t, d, fmt.Sprintf(pressure, k.system, k.unit))); len(e) > 0 {
				t.Errorf("a write is refused: %v", e)
			}
		}
	}
}

func TestWhoClaimsAGuidesProfileOfVitalSignsIsWarnedOfTheReleases(t *testing.T) {
	d := testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), "hl7.fhir.us.core-6.1.0.tgz")
	v := New(d, Options{})
	for claimed, severity := range map[string]fault.Severity{
		"http://hl7.org/fhir/us/core/StructureDefinition/us-core-bmi":        fault.Warning,
		"http://hl7.org/fhir/StructureDefinition/vitalsigns":                 fault.ErrorLevel,
		"http://hl7.org/fhir/us/core/StructureDefinition/unknown-to-anybody": fault.ErrorLevel,
	} {
		issues := v.Validate(context.Background(), parse(t, d, fmt.Sprintf(`{"resourceType":"Observation","meta":{"profile":[%q]},"status":"final",
			"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"39156-5"}]},
			"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-01","dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"unknown"}]}}`, claimed)), nil)
		wants(t, issues, severity, "Observation", "StructureDefinition/bmi")
	}
}

func TestTheUnitsOfAVitalSignsComponentsAreNotLimited(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	issues := New(d, Options{}).Validate(context.Background(), parse(t, d, `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
		"code":{"coding":[{"system":"http://loinc.org","code":"2708-6"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-01","valueQuantity":{"value":95,"unit":"%","system":"http://unitsofmeasure.org","code":"%"},
		"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"3151-8"}]},"valueQuantity":{"value":6,"unit":"l/min","system":"http://unitsofmeasure.org","code":"L/min"}}]}`), nil)
	if e := errorsOf(issues); len(e) > 0 {
		t.Error(e)
	}
	wants(t, issues, fault.Warning, "Observation.component[0].value", "L/min")
}

func TestTheGlobalProfilesOfAGuideHoldForAllResourcesOfTheirType(t *testing.T) {
	d := definition(t, `{"resourceType":"StructureDefinition","url":"http://example.org/pat","type":"Patient","kind":"resource","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"id":"Patient.name","path":"Patient.name","min":1}]}}`,
		`{"resourceType":"ImplementationGuide","url":"http://example.org/guide","name":"G","status":"draft","packageId":"g","fhirVersion":["4.0.1"],"global":[{"type":"Patient","profile":"http://example.org/pat"}]}`)
	v := New(d, Options{})
	patient := parse(t, d, `{"resourceType":"Patient","active":true}`)
	wants(t, v.Validate(context.Background(), patient, nil), fault.ErrorLevel, "Patient", "name is wanted 1 times")
	if e := v.Check(context.Background(), patient); len(e) > 0 {
		t.Errorf("a write is refused: %v", e)
	}
	if e := errorsOf(v.Validate(context.Background(), parse(t, d, `{"resourceType":"Person","active":true}`), nil)); len(e) > 0 {
		t.Error(e)
	}
}

func TestAnExtensionStandsWhereItsContextInvariantsHold(t *testing.T) {
	d := definition(t, `{"resourceType":"StructureDefinition","url":"http://example.org/x","type":"Extension","kind":"complex-type","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension",
		"context":[{"type":"element","expression":"Patient"}],"contextInvariant":["active","name.count() = %extension.value"],"differential":{"element":[{"id":"Extension.value[x]","path":"Extension.value[x]","min":1,"type":[{"code":"integer"}]}]}}`)
	v := New(d, Options{})
	const text = `{"resourceType":"Patient","active":%v,"name":[{"text":"x"}],"extension":[{"url":"http://example.org/x","valueInteger":%d}]}`
	if e := errorsOf(v.Validate(context.Background(), parse(t, d, fmt.Sprintf(text, true, 1)), nil)); len(e) > 0 {
		t.Error(e)
	}
	wants(t, v.Validate(context.Background(), parse(t, d, fmt.Sprintf(text, false, 1)), nil), fault.ErrorLevel, "Patient.extension[0]", "only where active")
	wants(t, v.Validate(context.Background(), parse(t, d, fmt.Sprintf(text, true, 2)), nil), fault.ErrorLevel, "Patient.extension[0]", "only where name.count()")
	// Those of the release, too.
	r4 := definitions.MustBuiltIn(definitions.R4)
	wants(t, New(r4, Options{}).Validate(context.Background(), parse(t, r4, `{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"string","text":"x","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption","valueCoding":{"code":"kg"}}]}]}`), nil),
		fault.ErrorLevel, "Questionnaire.item[0].extension[0]", "only where type='quantity'")
}

func TestTheFormOfAddressesIsChecked(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	const text = `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":%q,"code":"x"}]},"subject":{"reference":%q}}`
	for _, k := range []struct {
		system, reference string
		severity          fault.Severity
		path, text        string
	}{
		{"urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "Patient/p", "", "", ""},
		{"urn:oid:1.2.840.10008", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "", "", ""},
		{"urn:uuid:c757873d-ec9a-4326-a141-556f43239520a", "Patient/p", fault.ErrorLevel, "Observation.code.coding[0].system", "is no urn:uuid"},
		{"urn:uuid:C757873D-ec9a-4326-a141-556f43239520", "Patient/p", fault.Warning, "Observation.code.coding[0].system", "upper case"},
		{"urn:oid:1.02.3", "Patient/p", fault.ErrorLevel, "Observation.code.coding[0].system", "is no urn:oid"},
		{"http://x.example", "ht tp://x.example/Patient/p", fault.ErrorLevel, "Observation.subject.reference", "white space"},
	} {
		issues := v.Validate(context.Background(), parse(t, d, fmt.Sprintf(text, k.system, k.reference)), nil)
		if k.path != "" {
			wants(t, issues, k.severity, k.path, k.text)
		}
		if e := errorsOf(issues); len(e) > 0 && k.severity != fault.ErrorLevel {
			t.Errorf("%s %s: %v", k.system, k.reference, e)
		}
	}
}

func TestAProfileMayAskForAValueOrWhatStandsForIt(t *testing.T) {
	const (
		absent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
		r5     = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition."
	)
	with := func(url, element string) string {
		return fmt.Sprintf(`{"resourceType":"StructureDefinition","url":"http://example.org/%s","type":"Patient","kind":"resource","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"id":"Patient.active","path":"Patient.active",%s}]}}`, url, element)
	}
	d := definition(t, with("must", `"mustHaveValue":true`), with("either", `"valueAlternatives":["`+absent+`"]`),
		with("must4", `"extension":[{"url":"`+r5+`mustHaveValue","valueBoolean":true}]`), with("either4", `"extension":[{"url":"`+r5+`valueAlternatives","valueCanonical":"`+absent+`"}]`))
	v := New(d, Options{})
	for _, k := range []struct {
		profile, active string
		wrong           bool
	}{
		{"must", `"active":true`, false},
		{"must", `"_active":{"extension":[{"url":"` + absent + `","valueCode":"unknown"}]}`, true},
		{"must4", `"_active":{"extension":[{"url":"` + absent + `","valueCode":"unknown"}]}`, true},
		{"either", `"active":true`, false},
		{"either", `"_active":{"extension":[{"url":"` + absent + `","valueCode":"unknown"}]}`, false},
		{"either", `"_active":{"extension":[{"url":"http://example.org/x","valueCode":"unknown"}]}`, true},
		{"either4", `"_active":{"extension":[{"url":"http://example.org/x","valueCode":"unknown"}]}`, true},
		{"either", `"birthDate":"2020"`, false},
	} {
		issues := v.Validate(context.Background(), parse(t, d, `{"resourceType":"Patient",`+k.active+`}`), []string{"http://example.org/" + k.profile})
		if k.wrong {
			wants(t, issues, fault.ErrorLevel, "Patient.active", "must have a value")
		} else if e := errorsOf(issues); len(e) > 0 {
			t.Errorf("%s %s: %v", k.profile, k.active, e)
		}
	}
}

func TestAnErrorIsReportedAfterAHundredWarnings(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	var contained []string
	for i := range 2 * maxIssues {
		contained = append(contained, fmt.Sprintf(`{"resourceType":"Basic","id":"b%d","code":{"text":"x"},"extension":[{"url":"http://example.org/unknown-%[1]d","valueBoolean":true}]}`, i))
	}
	tree := parse(t, d, fmt.Sprintf(`{"resourceType":"List","status":"nonsense","mode":"working","contained":[%s],"entry":[{"item":{"reference":"#missing"}}]}`, strings.Join(contained, ",")))
	issues := New(d, Options{}).Validate(context.Background(), tree, nil)
	wants(t, issues, fault.ErrorLevel, "List.entry[0].item", "")
	if n := len(issues); n > 2*maxIssues+1 {
		t.Errorf("%d issues", n)
	}
}
