package audit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
)

const base = "https://ehr.example/fhir"

func parse(t testing.TB, text string) *Selection {
	t.Helper()
	var pairs []search.Pair
	for pair := range strings.SplitSeq(text, "&") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			pairs = append(pairs, search.Pair{Name: name, Value: value})
		}
	}
	s, err := ParseSearch(pairs, base)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

// ids are the ids of all pages of a search.
func (b *bench) ids(s *Selection) []string {
	b.t.Helper()
	var all []string
	after := ""
	for {
		page, next, err := b.Page(b.t.Context(), s, after)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(page) > s.Count {
			b.t.Errorf("%d resources on a page of %d", len(page), s.Count)
		}
		for _, p := range page {
			all = append(all, ID(p.Number, p.Patient))
		}
		if after = next; after == "" {
			return all
		}
	}
}

func TestTheLogIsSearchedByWhatAuditEventsHave(t *testing.T) {
	b := newBench(t)
	nurse := seen("walter 9")
	nurse.Agent = Agent{User: "u2", Login: "park", Is: "Practitioner/park", Client: "other"}
	bundle := &Event{Kind: Batch, Status: 200, Entities: []Entity{{Deletes, "Organization/gone", 2}, {Creates, "Organization/new", 1}}}
	refused := seen("maria")
	refused.Kind, refused.Status, refused.Query, refused.Target = Read, 403, "", "Observation/1"
	b.record(
		seen("maria 1 2", "walter 3"), // 0, 08:00:01
		nurse,                         // 1
		bundle,                        // 2
		&Event{Kind: SignIn, Agent: Agent{User: "u1", Login: "okafor"}}, // 3
		refused,                               // 4
		&Event{Kind: TokenIssue, Status: 500}, // 5
	)
	for text, want := range map[string]string{
		"":                        "5 4.0 3 2 1.0 0.0 0.1",
		"_sort=date":              "0.0 0.1 1.0 2 3 4.0 5",
		"_count=1":                "5 4.0 3 2 1.0 0.0 0.1",
		"_count=2&_sort=date":     "0.0 0.1 1.0 2 3 4.0 5",
		"patient=Patient/maria":   "4.0 0.0",
		"patient=walter&_count=1": "1.0 0.1",
		"patient=" + base + "/Patient/walter&_sort=date": "0.1 1.0",
		"patient=nobody":            "",
		"agent=Practitioner/park":   "1.0",
		"agent=u1":                  "4.0 3 0.0 0.1",
		"agent=other,u1&_sort=date": "0.0 0.1 1.0 3 4.0",
		"altid=park":                "1.0",
		"type=rest":                 "4.0 2 1.0 0.0 0.1",
		"type=http://dicom.nema.org/resources/ontology/DCM|110114": "5 3",
		"subtype=search": "1.0 0.0 0.1",
		"subtype=http://hl7.org/fhir/restful-interaction|batch,110122": "3 2",
		"action=D":                    "2",
		"action=C,R":                  "4.0 2",
		"outcome=8":                   "5",
		"outcome=4,8":                 "5 4.0",
		"entity=Observation/9":        "1.0",
		"entity=Organization/new":     "2",
		"entity=Observation/1":        "4.0 0.0 0.1",
		"_id=log.0.1":                 "0.1",
		"_id=log.2":                   "2",
		"_id=log.0":                   "",
		"_id=other":                   "",
		"_id=log.0.1&patient=maria":   "",
		"date=2026-03-01":             "5 4.0 3 2 1.0 0.0 0.1",
		"date=lt2026-03-01":           "",
		"date=ge2026-03-01T08:00:05Z": "5 4.0 3",
	} {
		var got []string
		for _, id := range b.ids(parse(t, text)) {
			got = append(got, strings.TrimPrefix(id, IDPrefix))
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	s := parse(t, "patient=walter")
	s.Only("Patient/maria")
	if got := b.ids(s); len(got) > 0 {
		t.Errorf("maria sees of walter: %v", got)
	}
	for _, text := range []string{"code=1", "date=xx", "date=ap2026", "_count=0", "_sort=agent", "patient=a,b"} {
		name, value, _ := strings.Cut(text, "=")
		if _, err := ParseSearch([]search.Pair{{Name: name, Value: value}}, base); err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, _, err := b.Page(t.Context(), parse(t, ""), "bad"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a cursor that is none: %v", err)
	}
}

func TestAPageOfThousandPatientsIsCutBetweenThem(t *testing.T) {
	b := newBench(t)
	var patients []string
	for i := range 1000 {
		patients = append(patients, fmt.Sprintf("p%d %d", i, i))
	}
	b.record(seen(patients...), seen("maria 1"))
	s := parse(t, "_count=300&_sort=date")
	if got := b.ids(s); len(got) != 1001 || got[999] != "log.0.999" || got[1000] != "log.1.0" {
		t.Errorf("%d resources", len(got))
	}
	if got := b.ids(parse(t, "_count=300")); len(got) != 1001 || got[1] != "log.0.0" {
		t.Errorf("%d resources, the newest first", len(got))
	}
}

func TestAPatientIsShownNothingOfOthers(t *testing.T) {
	b := newBench(t)
	b.record(seen("maria 1", "walter 3"))
	b.seal()
	e, err := b.Event(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := e.FHIR(base, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"walter", "Observation/3", "query"} {
		if strings.Contains(string(text), other) {
			t.Errorf("maria is shown %s: %s", other, text)
		}
	}
	if !strings.Contains(string(text), "Observation/1/_history/1") {
		t.Errorf("her own is missing: %s", text)
	}
}

func TestAnEventLooksAsBALPHasIt(t *testing.T) {
	e := seen("maria 1")
	e.Number, e.Time = 17, start.Add(1234567*time.Microsecond)
	got, err := e.FHIR(base, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"resourceType":"AuditEvent","id":"log.17.0","meta":{"versionId":"1","lastUpdated":"2026-03-01T08:00:01.234Z","profile":["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery"]},` +
		`"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type","code":"rest","display":"RESTful Operation"},` +
		`"subtype":[{"system":"http://hl7.org/fhir/restful-interaction","code":"search"}],"action":"E","recorded":"2026-03-01T08:00:01.234567Z","outcome":"0",` +
		`"_outcome":{"extension":[{"url":"http://hl7.org/fhir/5.0/StructureDefinition/extension-AuditEvent.outcome.detail","valueCodeableConcept":{"text":"user/*.rs"}}]},` +
		`"outcomeDesc":"HTTP 200: because of user/*.rs","purposeOfEvent":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}],` +
		`"agent":[{"type":{"coding":[{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110153","display":"Source Role ID"}]},"who":{"identifier":{"value":"chart"}},"requestor":false,"policy":["urn:ietf:params:oauth:jti:t1"],"network":{"address":"192.0.2.7","type":"2"}},` +
		`{"type":{"coding":[{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110152","display":"Destination Role ID"}]},"who":{"display":"https://ehr.example/fhir"},"requestor":false,"network":{"address":"https://ehr.example/fhir","type":"5"}},` +
		`{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP","display":"information recipient"}]},"role":[{"text":"practitioner"}],"who":{"reference":"Practitioner/okafor"},"altId":"okafor","requestor":true,"policy":["urn:ietf:params:oauth:jti:t1"],"purposeOfUse":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]}],` +
		`"source":{"observer":{"display":"https://ehr.example/fhir"},"type":[{"system":"http://terminology.hl7.org/CodeSystem/security-source-type","code":"4","display":"Application Server"}]},` +
		`"entity":[{"what":{"reference":"Patient/maria"},"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1","display":"Person"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1","display":"Patient"}},` +
		`{"what":{"identifier":{"value":"r-1"}},"type":{"system":"https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType","code":"XrequestId"}},` +
		`{"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"2","display":"System Object"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"24","display":"Query"},"query":"T2JzZXJ2YXRpb24/Y29kZT0xMjM0LTU="},` +
		`{"what":{"reference":"Observation/1/_history/1"},"type":{"system":"http://hl7.org/fhir/resource-types","code":"Observation","display":"Observation"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"4","display":"Domain Resource"}}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestIdsOfTheLogAreReadAsTheyAreWritten(t *testing.T) {
	for id, want := range map[string]bool{"log.0": true, "log.17.3": true, "log.": false, "log.1.": false, "log.01": false, "log.-1": false, "log.1.-1": false, "17": false, "log.1.2.3": false} {
		number, patient, ok := ParseID(id)
		if ok != want || ok && ID(number, patient) != id {
			t.Errorf("%s: %d %d %v", id, number, patient, ok)
		}
	}
}
