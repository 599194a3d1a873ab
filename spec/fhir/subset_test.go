package fhir_test

import (
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestSubsetsKeepWhatTheySayAndAreTagged(t *testing.T) {
	const tag = `"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]`
	const patient = `{"resourceType":"Patient","id":"a","meta":{"versionId":"1"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"extension":[{"url":"http://x","valueCode":"c"}],` +
		`"modifierExtension":[{"url":"http://m","valueCode":"c"}],"active":true,"name":[{"extension":[{"url":"http://x","valueCode":"c"}],"family":"f"}],"maritalStatus":{"text":"m"},"contact":[{"name":{"family":"c"},"gender":"male"}],"link":[{"other":{"reference":"Patient/b"},"type":"seealso"}]}`
	const meta = `{"resourceType":"Patient","id":"a","meta":{"versionId":"1",` + tag + `}`
	const modifiers = `,"modifierExtension":[{"url":"http://m","valueCode":"c"}],"active":true`
	const link = `,"link":[{"other":{"reference":"Patient/b"},"type":"seealso"}]`
	for _, c := range []struct {
		s    fhir.Subset
		want string
	}{
		{fhir.Subset{}, patient},
		{fhir.Subset{Summary: "false"}, patient},
		{fhir.Subset{Summary: "text"}, meta + `,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}}`},
		{fhir.Subset{Summary: "data"}, meta + patient[len(`{"resourceType":"Patient","id":"a","meta":{"versionId":"1"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}`):]},
		{fhir.Subset{Summary: "true"}, meta + modifiers + `,"name":[{"family":"f"}]` + link + `}`},
		{fhir.Subset{Elements: []string{"maritalStatus", "Patient.contact.gender"}}, meta + modifiers + `,"maritalStatus":{"text":"m"},"contact":[{"gender":"male"}]` + link + `}`},
	} {
		tree := parse(t, patient)
		got, err := tree.AppendJSONSubset(nil, c.s)
		if err != nil {
			t.Fatal(err)
		}
		same(t, string(got), c.want)
		same(t, text(tree), patient)
		if again, err := parse(t, string(got)).AppendJSONSubset(nil, c.s); err != nil || string(again) != string(got) {
			t.Errorf("a subset of a subset differs: %s", again)
		}
	}
}

func TestSubsetsOfUnknownElementsAreRefused(t *testing.T) {
	typ := definitions.MustBuiltIn(definitions.R4).Type("Patient")
	for _, s := range []fhir.Subset{{Summary: "yes"}, {Elements: []string{"nam"}}, {Elements: []string{"contact.x"}}} {
		if s.Check(typ) == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
	if err := (fhir.Subset{Summary: "data", Elements: []string{"name", "Patient.contact.gender", "deceased"}}).Check(typ); err != nil {
		t.Error(err)
	}
}
