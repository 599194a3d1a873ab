package portal_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestTheRecordIsToldInPlainWords(t *testing.T) {
	p := newPlace(t)
	p.Put(diabetes,
		`{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","medicationCodeableConcept":{"text":"24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet"},"subject":{"reference":"Patient/ann"},"authoredOn":"2024-11-12","requester":{"reference":"Practitioner/dr"},"reasonReference":[{"reference":"Condition/diabetes"}],"dosageInstruction":[{"text":"One in the evening"}]}`,
		`{"resourceType":"AllergyIntolerance","id":"a","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"patient":{"reference":"Patient/ann"},"criticality":"high","code":{"text":"Peanut"},"reaction":[{"manifestation":[{"coding":[{"system":"http://snomed.info/sct","code":"39579001","display":"Anaphylaxis"}]}],"severity":"severe"}]}`,
		`{"resourceType":"Immunization","id":"i","status":"completed","patient":{"reference":"Patient/ann"},"vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"03","display":"MMR"}]},"occurrenceDateTime":"1981"}`,
		`{"resourceType":"Encounter","id":"v","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"EMER"},"subject":{"reference":"Patient/ann"},"period":{"start":"2026-02-01T10:00:00Z"},"participant":[{"individual":{"reference":"Practitioner/dr"}}]}`,
		`{"resourceType":"Condition","id":"mistake","verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"entered-in-error"}]},"code":{"text":"Plague"},"subject":{"reference":"Patient/ann"}}`,
	)
	ann := p.visit("ann")
	ann.get("/portal/ann/record/problems").want(200).has("Type 2 diabetes", "there is too much sugar in the blood", "since June 2018", "In the record Diabetes mellitus type 2", "current").lacks("Plague")
	ann.get("/portal/ann/record/medications").want(200).has("Metformin 500 mg", "Lowers blood sugar.", "One in the evening", "Prescribed by Dr. Noor", "Why Type 2 diabetes", "prescribed 12 November 2024")
	ann.get("/portal/ann/record/allergies").want(200).has("Peanut", "can be dangerous", "severe reaction (anaphylaxis) (severe)")
	ann.get("/portal/ann/record/immunizations").want(200).has("Measles, mumps and rubella", "1981", "In the record MMR")
	ann.get("/portal/ann/record/visits").want(200).has("Emergency visit", "With Dr. Noor")
	ann.get("/portal/ann/record/care-team").want(200).has("Main clinician", "Dr. Noor")
	ann.get("/portal/ann").want(200).has("Metformin 500 mg", "Type 2 diabetes", "Peanut can be dangerous", "Emergency visit")
}

// sugarAt is an A1c with a value at a time.
func sugarAt(id string, value float64, at string) string {
	return strings.NewReplacer(`"sugar"`, `"`+id+`"`, `"value":7.4`, fmt.Sprintf(`"value":%.1f`, value), "2026-01-02T08:00:00Z", at).Replace(sugar)
}

func TestResultsAreJudgedAndTrendsAreToldInSentences(t *testing.T) {
	p := newPlace(t)
	p.Put(sugarAt("s1", 9.1, "2024-05-01"), sugarAt("s2", 6.0, "2025-05-01"), sugarAt("s3", 7.4, "2026-01-02"), sugarAt("s4", 5.0, "2026-02-02T10:00:00-05:00"),
		`{"resourceType":"Observation","id":"bp","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"2026-01-02",
		"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":148,"unit":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":92,"unit":"mm[Hg]"}}]}`,
		`{"resourceType":"Observation","id":"none","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8302-2"}]},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"2026-01-02","dataAbsentReason":{"text":"Not Performed"}}`,
	)
	ann := p.visit("ann")
	ann.get("/portal/ann/results").want(200).has("Long-term blood sugar (A1c)", "5.0 %", "in the usual range", "Down from 7.4 % on 2 January 2026.", "It is lower than on 1 May 2024, when it was 9.1 %.",
		"Blood pressure", "148 / 92 mmHg", "Height", "no value (not performed)", `<svg class="spark`)
	ann.get("/portal/ann/trend?code=http://loinc.org|4548-4").want(200).has("Usual range 4.0 to 5.6 %", "2 February 2026, 10:00 -05:00", "above the usual range", `class="chart"`, "4 values from 1 May 2024 to 2 February 2026")
	ann.get("/portal/ann/trend?code=http://loinc.org|85354-9").want(200).has("148 / 92 mmHg")
	ann.get("/portal/ann/trend?code=http://loinc.org|1-1").want(200).has("There are no such values")
	ann.get("/portal/ann/trend").want(http.StatusBadRequest)
}

func TestScriptInTextOfTheRecordIsText(t *testing.T) {
	p := newPlace(t)
	evil := `<script>alert(1)</script><img src=x onerror=alert(2)>\"'`
	page := `PHNjcmlwdD5hbGVydCgzKTwvc2NyaXB0PjxwPkhlbGxvICZsdDtiJmd0OzwvcD48aW1nIHNyYz14IG9uZXJyb3I9YWxlcnQoNCk+` // script, a paragraph, an image
	p.Put(
		`{"resourceType":"Patient","id":"ann","name":[{"text":"`+evil+`"}],"telecom":[{"system":"email","value":"`+evil+`"}]}`,
		`{"resourceType":"Condition","id":"c","code":{"text":"`+evil+`"},"subject":{"reference":"Patient/ann"},"note":[{"text":"`+evil+`"}],"recorder":{"reference":"Practitioner/dr","display":"`+evil+`"}}`,
		`{"resourceType":"Observation","id":"o","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"1-8"}],"text":"`+evil+`"},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"2026-01-02","valueString":"`+evil+`"}`,
		sugarAt("s1", 9.1, "2024-05-01"), strings.Replace(sugarAt("s2", 9.1, "2024-06-01"), `"unit":"%","system"`, `"unit":"`+evil+`","system"`, 1),
		`{"resourceType":"DocumentReference","id":"d","status":"current","type":{"text":"`+evil+`"},"subject":{"reference":"Patient/ann"},"content":[{"attachment":{"title":"`+evil+`","contentType":"text/html","data":"`+page+`"}}]}`,
		`{"resourceType":"Consent","id":"k","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"x"}],"policy":[{"uri":"urn:x"}],"patient":{"reference":"Patient/ann"},"dateTime":"2026-01-01","provision":{"type":"deny","actor":[{"role":{"text":"x"},"reference":{"identifier":{"system":"`+p.URL+`/auth/clients","value":"`+evil+`"}}}]}}`,
	)
	ann := p.visit("ann")
	for _, path := range append(all, "/document/d", "/sharing/k", "/trend?code=http://loinc.org|1-8", "/sharing/new?who=%3Cscript%3Ealert(5)%3C/script%3E", "/looked?agent=%3Cscript%3Ealert(6)%3C/script%3E&since=%3Cscript%3E") {
		a := ann.get("/portal/ann" + path)
		if a.Status != 200 && a.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", path, a.Status)
		}
		a.lacksRaw("<script>alert", "<img", "onerror=alert(4)>")
		if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", path, policy)
		}
	}
	ann.get("/portal/ann/document/d").want(200).has("Hello <b>")
	file := ann.get("/portal/ann/document/d/0").want(200)
	if !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") || !strings.Contains(file.Header.Get("Content-Security-Policy"), "sandbox") || file.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("a browser might run it: %v", file.Header)
	}
}

// lacksRaw looks at the markup alone.
func (a answer) lacksRaw(texts ...string) {
	a.T.Helper()
	for _, text := range texts {
		if strings.Contains(a.Body, text) {
			a.T.Errorf("%q is in %s", text, a.Body)
		}
	}
}

func TestNamesInAnyScriptAreShownAsTheyAre(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"محمد بن سلمان", "王小明", "Đặng Thị Ngọc", "Владимир", "יעל", "O'Brien-Ñuñez", "👩🏽‍⚕️ Zoë"} {
		p.Put(`{"resourceType":"Patient","id":"ann","name":[{"text":"` + name + `"}]}`)
		p.visit("ann").get("/portal/ann").want(200).has(name)
	}
}

func TestDocumentsAreReadOfThisRecordOnly(t *testing.T) {
	p := newPlace(t)
	s := p.Door.Session(records.Principal{ID: "test"}, nil)
	made, err := s.CreateBinary(t.Context(), records.BinaryContent{ContentType: "text/plain", Content: func(yield func([]byte, error) bool) { yield([]byte("Kept elsewhere: all is well."), nil) }}, records.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	document := func(id, patient, attachment string) string {
		return `{"resourceType":"DocumentReference","id":"` + id + `","status":"current","subject":{"reference":"Patient/` + patient + `"},"content":[{"attachment":` + attachment + `}]}`
	}
	p.Put(document("text", "ann", `{"contentType":"text/plain","data":"`+"V2Fsa3MgYSBsb3QuCkVhdHMgd2VsbC4="+`"}`), document("binary", "ann", `{"contentType":"text/plain","url":"`+made.Key.String()+`"}`),
		document("elsewhere", "ann", `{"contentType":"application/pdf","url":"https://other.example/x.pdf"}`), document("bobs", "bob", `{"contentType":"text/plain","data":"U2VjcmV0"}`))
	ann := p.visit("ann")
	ann.get("/portal/ann/record/documents").want(200).has("Document").lacks("bobs")
	ann.get("/portal/ann/document/text").want(200).has("Walks a lot.", "Eats well.")
	ann.get("/portal/ann/document/binary").want(200).has("Kept elsewhere: all is well.", "Download (text)")
	if got := ann.get("/portal/ann/document/binary/0").want(200); got.Body != "Kept elsewhere: all is well." {
		t.Errorf("%q", got.Body)
	}
	ann.get("/portal/ann/document/elsewhere").want(200).has("is kept elsewhere, and cannot be shown").lacks("https://other.example")
	ann.get("/portal/ann/document/elsewhere/0").want(http.StatusNotFound)
	for _, path := range []string{"bobs", "bobs/0", "nothing", "text/1", "text/-1", "text/x"} {
		ann.get("/portal/ann/document/"+path).want(http.StatusNotFound).lacks("U2VjcmV0", "Secret")
	}
}

func TestTheWholeRecordIsAFile(t *testing.T) {
	p := newPlace(t)
	p.Put(diabetes, `{"resourceType":"Condition","id":"bobs","code":{"text":"Gout"},"subject":{"reference":"Patient/bob"}}`)
	want := map[string]bool{"Patient/ann": true, "Condition/diabetes": true}
	for i := range 250 {
		id := fmt.Sprintf("s%d", i)
		p.Put(sugarAt(id, 7, "2026-01-02"))
		want["Observation/"+id] = true
	}
	ann := p.visit("ann")
	got := ann.get("/portal/ann/file/record.json").want(200).lacks("Gout")
	var bundle struct {
		ResourceType, Type string
		Entry              []struct {
			FullURL  string
			Resource struct {
				ResourceType, ID string
			}
		}
	}
	if err := json.Unmarshal([]byte(got.Body), &bundle); err != nil || bundle.Type != "collection" {
		t.Fatal(bundle.Type, err)
	}
	for _, e := range bundle.Entry {
		key := e.Resource.ResourceType + "/" + e.Resource.ID
		delete(want, key)
		if e.FullURL != p.URL+"/fhir/"+key {
			t.Errorf("%s is called %s", key, e.FullURL)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d resources are missing: %v", len(want), want)
	}
	if _, err := fhir.ParseJSON(p.Door.Definitions(""), []byte(got.Body), fhir.Limits{}); err != nil {
		t.Errorf("it is no Bundle: %v", err)
	}
	archive := ann.get("/portal/ann/file/record.zip").want(200)
	z, err := zip.NewReader(bytes.NewReader([]byte(archive.Body)), int64(len(archive.Body)))
	if err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, f := range z.File {
		names += f.Name + " "
	}
	for _, name := range []string{"record.ndjson", "AuditEvent.ndjson", "manifest.json", "README.txt"} {
		if !strings.Contains(names, name) {
			t.Errorf("%s is missing among %s", name, names)
		}
	}
	ann.get("/portal/ann/looked?all=1").want(200).has("Exported")
}
