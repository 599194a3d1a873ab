package fhir_test

import (
	"testing"

	"github.com/inglehealth/ingle/spec/fhir"
)

func TestALocalReferenceIsReadInEveryForm(t *testing.T) {
	const base = "https://ehr.example/fhir"
	for literal, want := range map[string]string{
		"Patient/1":                   "Patient/1 ",
		"Patient/1#name":              "Patient/1 ",
		"Patient/1/_history/2":        "Patient/1 2",
		base + "/Patient/1":           "Patient/1 ",
		base + "/Patient/1/_history/": "",
		base + "Patient/1":            "",
		base:                          "",
		"https://other/Patient/1":     "",
		"Patient/1/2":                 "",
		"Patient/":                    "",
		"/1":                          "",
		"#p":                          "",
		"urn:uuid:1":                  "",
		"":                            "",
	} {
		got := ""
		if key, version, ok := fhir.LocalReference(literal, base); ok {
			got = key.String() + " " + version
		}
		if got != want {
			t.Errorf("%s: %q, want %q", literal, got, want)
		}
	}
	if _, _, ok := fhir.LocalReference(base+"/Patient/1", ""); ok {
		t.Error("a server whose base is not known has absolute references")
	}
}
