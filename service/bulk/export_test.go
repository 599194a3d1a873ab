package bulk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// clinic has three patients, what belongs to them and what that refers to.
func clinic(t *testing.T, settings ...setting) *place {
	t.Helper()
	return clinicOf(t, "", settings...)
}

func clinicOf(t *testing.T, tenant string, settings ...setting) *place {
	t.Helper()
	p := newPlace(t, tenant, settings...)
	p.put(
		`{"resourceType":"Organization","id":"ward","name":"Ward"}`,
		`{"resourceType":"Organization","id":"elsewhere","name":"Elsewhere"}`,
		`{"resourceType":"Practitioner","id":"noor","name":[{"family":"Noor"}]}`,
		`{"resourceType":"PractitionerRole","id":"gp","practitioner":{"reference":"Practitioner/noor"},"organization":{"reference":"Organization/ward"}}`,
		`{"resourceType":"Practitioner","id":"idle","name":[{"family":"Idle"}]}`,
		`{"resourceType":"Patient","id":"ann","name":[{"family":"Archer"}],"gender":"female","birthDate":"1950-02-03"}`,
		`{"resourceType":"Patient","id":"bob","name":[{"family":"Baker"}],"gender":"male"}`,
		`{"resourceType":"Patient","id":"cid","name":[{"family":"Cook"}]}`,
		`{"resourceType":"Observation","id":"a1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"subject":{"reference":"Patient/ann"},"performer":[{"reference":"PractitionerRole/gp"}]}`,
		`{"resourceType":"Observation","id":"a2","status":"preliminary","code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"subject":{"reference":"Patient/ann"}}`,
		`{"resourceType":"Observation","id":"b1","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/bob"}}`,
		`{"resourceType":"Observation","id":"none","status":"final","code":{"text":"room"}}`,
		`{"resourceType":"Device","id":"pump","patient":{"reference":"Patient/ann"}}`,
		`{"resourceType":"Binary","id":"letter","contentType":"text/plain","data":"aGVsbG8="}`,
		`{"resourceType":"DocumentReference","id":"doc","status":"current","subject":{"reference":"Patient/ann"},"content":[{"attachment":{"contentType":"text/plain","url":"Binary/letter"}}]}`,
		`{"resourceType":"Provenance","id":"early","target":[{"reference":"Observation/a1"}],"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/noor"}}]}`,
		`{"resourceType":"Provenance","id":"late","target":[{"reference":"Observation/a1"}],"recorded":"2025-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/noor"}}]}`,
		`{"resourceType":"Provenance","id":"other","target":[{"reference":"Organization/elsewhere"}],"recorded":"2025-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/idle"}}]}`,
		`{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/ann"}},{"entity":{"reference":"Patient/bob"},"inactive":true}]}`,
	)
	return p
}

const (
	ofAnn    = "Device/pump DocumentReference/doc Observation/a1 Observation/a2"
	referred = "Organization/ward Patient/ann Practitioner/noor PractitionerRole/gp Provenance/early Provenance/late"
)

func TestAnExportOfTheSystemHasAllThatThereIs(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t)
		at := p.start("$export?_outputFormat=application/fhir%2Bndjson")
		m := p.finish(at)
		want := "Binary/letter Device/pump DocumentReference/doc Group/g Observation/a1 Observation/a2 Observation/b1 Observation/none Organization/elsewhere Organization/ward Patient/ann Patient/bob Patient/cid Practitioner/idle Practitioner/noor PractitionerRole/gp Provenance/early Provenance/late Provenance/other"
		if got := p.keys(m.Output); got != want {
			t.Errorf("%s\nnot\n%s", got, want)
		}
		if m.Request != p.base+"/$export?_outputFormat=application/fhir%2Bndjson" || !m.RequiresAccessToken || m.Deleted == nil || len(m.Deleted) > 0 || m.Error == nil || len(m.Error) > 0 || m.Link != nil {
			t.Errorf("%+v", m)
		}
		if at, err := time.Parse(time.RFC3339, m.TransactionTime); err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("transactionTime %s: %v", m.TransactionTime, err)
		}
		types := map[string]bool{}
		for _, f := range m.Output {
			if types[f.Type] || !strings.HasPrefix(f.URL, p.base+"/") {
				t.Errorf("%+v", f)
			}
			types[f.Type] = true
		}
		for _, line := range p.lines(m.Output) {
			if strings.Contains(line, `"id":"ann"`) && !strings.Contains(line, `"meta":{"versionId":"1"`) {
				t.Error(line)
			}
			if strings.Contains(line, `"id":"letter"`) && !strings.Contains(line, `"data":"aGVsbG8="`) {
				t.Error(line)
			}
		}
	})
}

func TestAnExportOfPatientsHasTheirCompartmentsAndWhatThatRefersTo(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t)
		want := "Device/pump DocumentReference/doc Observation/a1 Observation/a2 Observation/b1 Organization/ward Patient/ann Patient/bob Patient/cid Practitioner/noor PractitionerRole/gp Provenance/early Provenance/late"
		if got := p.export("Patient/$export"); got != want {
			t.Errorf("%s\nnot\n%s", got, want)
		}
	})
}

func TestAnExportOfAGroupHasItsMembersOnly(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t)
		if got := p.export("Group/g/$export"); got != ofAnn+" "+referred {
			t.Errorf("%s\nnot\n%s", got, ofAnn+" "+referred)
		}
		p.do("GET", "Group/none/$export", "", "Prefer", "respond-async").want(404).outcome()
		p.put(`{"resourceType":"Group","id":"empty","type":"person","actual":true}`)
		if got := p.export("Group/empty/$export"); got != "" {
			t.Errorf("a Group without members: %s", got)
		}
	})
}

func TestExportsOfATenantAreItsOwn(t *testing.T) {
	p := clinicOf(t, "east")
	at := p.start("Patient/$export")
	if !strings.Contains(at, "/t/east/fhir/") {
		t.Error(at)
	}
	if got := p.keys(p.finish(at).Output); !strings.Contains(got, "Patient/ann") {
		t.Error(got)
	}
}

func TestTypesChooseWhatIsExported(t *testing.T) {
	p := clinic(t)
	for path, want := range map[string]string{
		"$export?_type=Patient":                                           "Patient/ann Patient/bob Patient/cid",
		"$export?_type=Patient,Group&_type=Practitioner":                  "Group/g Patient/ann Patient/bob Patient/cid Practitioner/idle Practitioner/noor",
		"$export?_type=Medication":                                        "",
		"Patient/$export?_type=Observation,Practitioner":                  "Observation/a1 Observation/a2 Observation/b1",
		"Patient/$export?_type=Observation,Practitioner,PractitionerRole": "Observation/a1 Observation/a2 Observation/b1 Practitioner/noor PractitionerRole/gp",
		"Group/g/$export?_type=Patient,Group":                             "Group/g Patient/ann",
		"Group/g/$export?_type=Patient&_elements=id":                      "Patient/ann",
	} {
		if got := p.export(path); got != want {
			t.Errorf("%s: %s\nnot\n%s", path, got, want)
		}
	}
}

func TestTypeFiltersAreSearchesOfWhichOneFinds(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t)
		for query, want := range map[string]string{
			"_type=Observation,Device&_typeFilter=Observation%3Fstatus%3Dfinal":                                    "Device/pump Observation/a1 Observation/b1",
			"_type=Observation&_typeFilter=Observation%3Fcode%3D8462-4,Observation%3Fpatient%3Dbob":                "Observation/a2 Observation/b1",
			"_type=Observation&_typeFilter=Observation%3Fcode%3D8462-4&_typeFilter=Observation%3Fpatient%3Dbob":    "Observation/a2 Observation/b1",
			"_type=Observation&_typeFilter=Observation%3Fcode%3D8462-4,8480-6":                                     "Observation/a1 Observation/a2",
			"_type=Observation&_typeFilter=Observation%3Fstatus%3Dfinal%26code%3D8480-6%26patient.gender%3Dfemale": "Observation/a1",
			"_type=Patient,Observation&_typeFilter=Patient%3Fgender%3Dfemale,Observation%3Fstatus%3Dpreliminary":   "Observation/a2 Patient/ann",
		} {
			if got := p.export("Patient/$export?" + query); got != want {
				t.Errorf("%s: %s\nnot\n%s", query, got, want)
			}
		}
	})
}

func TestElementsLeaveOutTheRestAndSaySo(t *testing.T) {
	p := clinic(t)
	m := p.finish(p.start("$export?_type=Patient,Observation&_elements=id,Patient.birthDate&_elements=status"))
	for _, line := range p.lines(m.Output) {
		if strings.Contains(line, `"name"`) || strings.Contains(line, `"subject"`) || !strings.Contains(line, "SUBSETTED") {
			t.Error(line)
		}
		if strings.Contains(line, `"id":"ann"`) && !strings.Contains(line, "1950-02-03") || strings.Contains(line, `"resourceType":"Observation"`) && (!strings.Contains(line, `"code"`) || !strings.Contains(line, `"status"`)) {
			t.Error(line)
		}
	}
}

func TestSinceAndUntilChooseByTheLastChange(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t)
		time.Sleep(20 * time.Millisecond)
		between := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		time.Sleep(20 * time.Millisecond)
		p.put(`{"resourceType":"Patient","id":"ann","name":[{"family":"Again"}]}`, `{"resourceType":"Patient","id":"new"}`)
		p.remove("Observation/b1")
		m := p.finish(p.start("$export?_since=" + between))
		if got := p.keys(m.Output); got != "Patient/ann Patient/new" {
			t.Error(got)
		}
		if got := strings.Join(p.lines(m.Deleted), "\n"); got != `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Observation/b1"}}]}` {
			t.Error(got)
		}
		if m.Deleted[0].Type != "Bundle" || m.Deleted[0].Count != 1 {
			t.Errorf("%+v", m.Deleted)
		}
		if got := p.export("$export?_type=Patient&_until=" + between); got != "Patient/bob Patient/cid" {
			t.Error(got)
		}
		// What was deleted is told of those alone whose data the export has.
		if m := p.finish(p.start("Group/g/$export?_since=" + between)); len(m.Deleted) > 0 || p.keys(m.Output) != "Patient/ann" {
			t.Errorf("%+v", m)
		}
		if m := p.finish(p.start("Patient/$export?_type=Patient&_since=" + between)); len(m.Deleted) > 0 {
			t.Errorf("%+v", m)
		}
		if m := p.finish(p.start("$export")); len(m.Deleted) > 0 {
			t.Errorf("without _since: %+v", m)
		}
		// Since the time of an export nothing is missed.
		first := p.finish(p.start("$export"))
		p.put(`{"resourceType":"Patient","id":"newer"}`)
		if got := p.export("$export?_since=" + first.TransactionTime); !strings.Contains(got, "Patient/newer") {
			t.Error(got)
		}
	})
}

// body is the Parameters of a POST.
func body(pairs ...string) string {
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		value := fmt.Sprintf(`"valueString":%q`, pairs[i+1])
		if pairs[i] == "patient" {
			value = fmt.Sprintf(`"valueReference":{"reference":%q}`, pairs[i+1])
		}
		all = append(all, fmt.Sprintf(`{"name":%q,%s}`, pairs[i], value))
	}
	return `{"resourceType":"Parameters","parameter":[` + strings.Join(all, ",") + `]}`
}

func TestAPOSTNamesThePatients(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t)
		post := func(path, body string, header ...string) reply {
			return p.do("POST", path, body, append([]string{"Prefer", "respond-async"}, header...)...)
		}
		a := post("Patient/$export", body("patient", "Patient/bob", "patient", p.base+"/Patient/cid", "_type", "Patient,Observation")).want(202)
		if got := p.keys(p.finish(a.header.Get("Content-Location")).Output); got != "Observation/b1 Patient/bob Patient/cid" {
			t.Error(got)
		}
		a = post("Group/g/$export", body("patient", "Patient/ann")).want(202)
		if got := p.keys(p.finish(a.header.Get("Content-Location")).Output); got != ofAnn+" "+referred {
			t.Error(got)
		}
		post("Patient/$export", body("patient", "Patient/nobody")).want(400).outcome().has("Patient/nobody")
		post("Group/g/$export", body("patient", "Patient/cid")).want(400).outcome().has("no member")
		post("Group/g/$export", body("patient", "Patient/bob")).want(400).outcome().has("no member") // inactive
		post("$export", body("patient", "Patient/ann")).want(400).outcome()
		post("Patient/$export", body("patient", "Practitioner/noor")).want(400).outcome()
		p.do("GET", "Patient/$export?patient=Patient/ann", "", "Prefer", "respond-async").want(400).outcome()
		a = post("Patient/$export", body("patient", "Patient/bob", "patient", "Patient/nobody"), "Prefer", "respond-async, handling=lenient").want(202)
		m := p.finish(a.header.Get("Content-Location"))
		if got := p.keys(m.Output); got != "Observation/b1 Patient/bob" || len(m.Error) != 1 {
			t.Errorf("%s %+v", got, m.Error)
		}
		post("Patient/$export", `{"resourceType":"Patient"}`).want(400).outcome()
		post("Patient/$export", `{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient"},{"name":"patient"}]}`).want(400).outcome().has("the parameter has no value", "Parameters.parameter[1]")
		post("Patient/$export", body("patient", "Patient/nobody"), "Prefer", "respond-async, handling=lenient").want(422).outcome().has("none of the patients is here")
		many := strings.TrimSuffix(strings.Repeat("Patient/b,", 100_001), ",")
		post("Patient/$export", `{"resourceType":"Parameters","parameter":[{"name":"patient","valueString":"`+many+`"}]}`).want(400).outcome().has("more than 100000 patients are named")
		post("Patient/$export", `{"resourceType":`).want(400).outcome()
		post("Patient/$export", "_type=Patient", "Content-Type", "application/x-www-form-urlencoded").want(415).outcome()
	})
}

func TestWhatIsWrongWithAKickOffIsTold(t *testing.T) {
	p := clinic(t)
	tomorrow := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	for path, words := range map[string]string{
		"$export?_outputFormat=application/fhir%2Bxml":                    "ndjson",
		"$export?_outputFormat=text/html":                                 "ndjson",
		"$export?_outputFormat=custom":                                    "ndjson",
		"$export?_since=yesterday":                                        "instant",
		"$export?_since=2024-01-01":                                       "instant",
		"$export?_since=" + tomorrow:                                      "future",
		"$export?_since=2024-01-01T00:00:00Z&_since=2024-01-01T00:00:00Z": "twice",
		"$export?_since=2024-01-02T00:00:00Z&_until=2024-01-01T00:00:00Z": "_until",
		"$export?_type=Pateint":                                           "Patient",
		"Patient/$export?_type=Practitioner":                              "belongs to patients",
		"Patient/$export?_type=Patient,Binary":                            "attachments",
		"$export?_typeFilter=status%3Dfinal":                              "_typeFilter",
		"$export?_typeFilter=Observation%3Fcolour%3Dred":                  "colour",
		"$export?_typeFilter=Observatoin%3Fstatus%3Dfinal":                "no resource type",
		"$export?_typeFilter=" + strings.TrimSuffix(strings.Repeat("Patient%3Fgender%3Dmale,", 101), ","): "more than 100 searches",
		"$export?_typeFilter=Observation%3Fstatus%3Dfinal%26_sort%3Ddate":                                 "_sort",
		"$export?_typeFilter=Observation%3F_include%3DObservation:subject":                                "_include",
		"$export?_type=Patient&_typeFilter=Observation%3Fstatus%3Dfinal":                                  "not in _type",
		"$export?_type=Patient&_elements=nmae":                                                            "name",
		"$export?_type=Patient&_elements=name.family":                                                     "_elements",
		"$export?includeAssociatedData=Everything":                                                        "includeAssociatedData",
		"$export?allowPartialManifests=maybe":                                                             "allowPartialManifests",
		"$export?organizeOutputBy=Practitioner":                                                           "organizeOutputBy=Patient",
		"$export?organizeOutputBy=Patient&_type=Practitioner":                                             "belongs to patients",
		"$export?colour=red": "colour",
	} {
		p.do("GET", path, "", "Prefer", "respond-async").want(400).outcome().has(words)
	}
	p.do("GET", "$export", "").want(400).outcome().has("Prefer: respond-async")
	p.do("GET", "Group/$export", "", "Prefer", "respond-async").want(404).outcome()
	p.do("GET", "Patient/ann/$export", "", "Prefer", "respond-async").want(404).outcome()
	p.do("GET", "Observation/$export", "", "Prefer", "respond-async").want(404).outcome()
	p.do("DELETE", "$export", "").want(405).outcome()
	for _, format := range []string{"application/fhir%2Bndjson", "application/fhir+ndjson", "application/ndjson", "ndjson"} {
		p.finish(p.start("$export?_type=Patient&_outputFormat=" + format))
	}
}

func TestALenientClientGetsTheRestWithANote(t *testing.T) {
	p := clinic(t)
	m := p.finish(p.start("$export?_type=Patient,Foo&colour=red&_elements=nmae&includeAssociatedData=Everything&_typeFilter=Patient%3Fcolour%3Dred", "Prefer", "respond-async, handling=lenient"))
	if got := p.keys(m.Output); got != "Patient/ann Patient/bob Patient/cid" {
		t.Error(got)
	}
	notes := p.lines(m.Error)
	if len(m.Error) != 1 || m.Error[0].Type != "OperationOutcome" || len(notes) != 5 {
		t.Errorf("%+v %v", m.Error, notes)
	}
	for _, note := range notes {
		(reply{t: t, body: note}).outcome()
	}
	p.do("GET", "$export?_type=Foo", "", "Prefer", "respond-async, handling=lenient").want(422).outcome()
}

func TestProvenancesAreThoseOfWhatIsExported(t *testing.T) {
	p := clinic(t)
	p.put(`{"resourceType":"Provenance","id":"of-bob","target":[{"reference":"Observation/b1"},{"reference":"Patient/bob"}],"recorded":"2023-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/noor"}}]}`)
	for path, want := range map[string]string{
		"$export?_type=Observation&includeAssociatedData=LatestProvenanceResources":                             "Provenance/late Provenance/of-bob",
		"$export?_type=Observation&includeAssociatedData=RelevantProvenanceResources":                           "Provenance/early Provenance/late Provenance/of-bob",
		"$export?_type=Observation&includeAssociatedData=LatestProvenanceResources,RelevantProvenanceResources": "Provenance/early Provenance/late Provenance/of-bob",
		"Group/g/$export?_type=Observation&includeAssociatedData=LatestProvenanceResources":                     "Provenance/late",
		"Group/g/$export?includeAssociatedData=LatestProvenanceResources":                                       "Provenance/late",
		"Group/g/$export?_type=Observation,Provenance":                                                          "Provenance/early Provenance/late",
		"Group/g/$export?_type=Observation":                                                                     "",
		"$export?_type=Observation":                                                                             "",
		"$export?includeAssociatedData=LatestProvenanceResources":                                               "Provenance/late Provenance/of-bob Provenance/other",
	} {
		var got []string
		for key := range strings.FieldsSeq(p.export(path)) {
			if strings.HasPrefix(key, "Provenance/") {
				got = append(got, key)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v\nnot %s", path, got, want)
		}
	}
}

func TestAttachmentsAreFetchedWithTheSameToken(t *testing.T) {
	p := clinic(t)
	lines := p.lines(p.finish(p.start("Patient/$export?_type=DocumentReference")).Output)
	var doc struct {
		Content []struct {
			Attachment struct{ ContentType, URL string }
		}
	}
	if err := json.Unmarshal([]byte(lines[0]), &doc); err != nil {
		t.Fatal(err)
	}
	at := doc.Content[0].Attachment
	if at.URL != p.base+"/Binary/letter" || at.ContentType != "text/plain" {
		t.Fatalf("%+v", at)
	}
	if a := p.do("GET", at.URL, "", "Accept", "*/*").want(200); a.body != "hello" {
		t.Error(a.body)
	}
	p.do("GET", at.URL, "", "Authorization", "").want(401)
}
