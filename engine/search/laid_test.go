package search

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestParametersOfAPackageThatCannotBeSearchedByAreKnown(t *testing.T) {
	parameter := func(code, base, kind, expression, more string) string {
		return fmt.Sprintf(`{"resourceType":"SearchParameter","id":%[1]q,"url":"http://example.org/%[1]s","name":%[1]q,"status":"active",
			"code":%[1]q,"base":[%[2]q],"type":%[3]q,"expression":%[4]q%[5]s}`, code, base, kind, expression, more)
	}
	files := map[string]string{"package.json": `{"name":"example.guide","version":"1.0.0","fhirVersions":["4.0.1"]}`}
	wrong := map[string][2]string{ // code: the SearchParameter, the reason
		"nowhere": {parameter("nowhere", "Patient", "string", "Patient.nowhere", ""), "Patient has no element nowhere"},
		"json":    {parameter("json", "Patient", "date", "Patient.extension('x').valueDateTime", ""), "value.ofType(dateTime)"},
		"odd":     {parameter("odd", "Patient", "frobnicate", "Patient.active", ""), `its type "frobnicate" is none of number`},
		"based":   {parameter("based", "Nothing", "string", "Nothing.name", ""), `its base "Nothing" is no resource type of R4`},
		"unsaid":  {parameter("unsaid", "Patient", "string", "", ""), "an expression says which elements"},
		"kind":    {parameter("kind", "Patient", "quantity", "Patient.name", ""), "elements of type HumanName"},
		"broken":  {parameter("broken", "Patient", "string", "Patient.name.where(", ""), "of Patient:"},
		"other":   {parameter("other", "Patient", "string", "Group.name", ""), "says nothing about Patient"},
		"parts": {parameter("parts", "Observation", "composite", "Observation",
			`,"component":[{"definition":"http://hl7.org/fhir/SearchParameter/clinical-code","expression":"codes"},{"definition":"http://hl7.org/fhir/SearchParameter/clinical-date","expression":"effective"}]`), "has no element codes"},
		"alien": {parameter("alien", "Observation", "composite", "Observation",
			`,"component":[{"definition":"http://example.org/none","expression":"code"},{"definition":"http://hl7.org/fhir/SearchParameter/clinical-date","expression":"effective"}]`),
			"http://example.org/none is not known here: load the package that has it; if none has, the definition is wrong"},
		"special": {parameter("special", "Patient", "special", "Patient.name", ""), "special"},
	}
	for code, w := range wrong {
		files[code+".json"] = w[0]
	}
	files["right.json"] = parameter("right", "Patient", "string", "Patient.name.suffix", "")
	d, err := definitions.LoadPackage(bytes.NewReader(testpackage.Pack(t, files)), definitions.MustBuiltIn(definitions.R4))
	if err != nil {
		t.Fatal(err)
	}
	c := catalogOf(t, d)
	all := c.Unusable()
	if len(all) != len(wrong) {
		t.Errorf("%d are unusable, not %d", len(all), len(wrong))
	}
	for _, u := range all {
		if want := wrong[u.Code][1]; want == "" || !strings.Contains(u.Reason, want) || u.Package != "example.guide 1.0.0" || u.URL != "http://example.org/"+u.Code {
			t.Errorf("%s %s %s: %s", u.Package, u.URL, u.Code, u.Reason)
		}
		if _, ok := c.Param("Patient", u.Code); ok {
			t.Errorf("Patient can be searched by %s", u.Code)
		}
		if _, err := c.Parse("Patient", []Pair{{Name: u.Code, Value: "x"}}, ParseOptions{}); err == nil {
			t.Errorf("a search by %s is taken", u.Code)
		}
	}
	if _, ok := c.Param("Patient", "right"); !ok {
		t.Error("Patient cannot be searched by what is right")
	}
}

func TestParametersOfAReleaseThatDoForNoTypeAreKnown(t *testing.T) {
	c := catalogOf(t, testpackage.R5(t))
	reasons := map[string]string{}
	for _, u := range c.Unusable() {
		reasons[strings.TrimPrefix(u.URL, "http://hl7.org/fhir/SearchParameter/")] = u.Package + ": " + u.Reason
	}
	for name, want := range map[string]string{ // mistakes of R5
		"Device-code-value-concept": "Device has no element specification",
		"Encounter-location-period": "SearchParameter/Encounter-period is not known",
		"ImagingStudy-reason":       "its definition has no expression",
		"Location-contains":         "special are not supported",
	} {
		if got := reasons[name]; !strings.Contains(got, want) || !strings.HasPrefix(got, "hl7.fhir.r5.core 5.0.0: ") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, works := range []string{"clinical-date", "MetadataResource-topic", "Resource-content", "Resource-has", "Resource-lastUpdated", "Location-near", "Patient-birthdate", "DocumentReference-relationship"} {
		if reason := reasons[works]; reason != "" {
			t.Errorf("%s: %s", works, reason)
		}
	}
	if _, ok := c.Param("Device", "code-value-concept"); ok {
		t.Error("Device can be searched by code-value-concept")
	}
	if _, ok := c.Param("Encounter", "date"); !ok {
		t.Error("Encounter cannot be searched by date, of which R5 says wrong things for some other types")
	}
}

func TestParametersOfPublishedGuidesCanBeSearchedBy(t *testing.T) {
	for _, name := range []string{"3.1.1", "4.0.0", "5.0.1", "6.1.0", "7.0.0", "8.0.0"} {
		c := catalogOf(t, testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), "hl7.fhir.us.core-"+name+".tgz"))
		for _, u := range c.Unusable() {
			t.Errorf("%s: %s: %s", u.Package, u.URL, u.Reason)
		}
		if _, ok := c.Param("Condition", "asserted-date"); !ok {
			continue
		}
		tree, err := fhir.ParseJSON(c.defs, []byte(`{"resourceType":"Condition","subject":{"display":"x"},
			"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/condition-assertedDate","valueDateTime":"2023-03-05"}]}`), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := c.Extract(t.Context(), tree)
		if err != nil || !strings.Contains(fmt.Sprint(entries), "asserted-date") {
			t.Errorf("%s: asserted-date finds nothing: %v", name, err)
		}
	}
}
