package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// everything walks all pages and lists the references, includes marked with +.
func everything(t testing.TB, s *records.Session, of, query string) []string {
	t.Helper()
	r := records.EverythingRequest{Type: key(of).Type, ID: key(of).ID, Pairs: pairs(t, query)}
	var names []string
	for range 10_000 {
		page, err := s.Everything(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Entries) > page.Count {
			t.Fatalf("%d entries on a page of %d", len(page.Entries), page.Count)
		}
		for _, e := range page.Entries {
			name := e.Key.String()
			if e.Mode == records.ModeInclude {
				name = "+" + name
			}
			names = append(names, name)
		}
		if page.Next == "" {
			return names
		}
		if len(page.Entries) == 0 {
			t.Fatal("a page that is not the last is empty")
		}
		r.After = page.Next
	}
	t.Fatal("the pages have no end")
	return nil
}

// sorted joins names in order.
func sorted(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(names, " ")
}

// record stores a patient with a record: two encounters and what belongs to
// them, and another patient, to whom the record refers.
func record(t testing.TB, s *records.Session) {
	t.Helper()
	put(t, s, "Organization/clinic", `{"resourceType":"Organization","id":"clinic","name":"Clinic"}`)
	put(t, s, "Organization/unrelated", `{"resourceType":"Organization","id":"unrelated","name":"Other"}`)
	put(t, s, "Practitioner/doc", `{"resourceType":"Practitioner","id":"doc"}`)
	put(t, s, "Location/ward", `{"resourceType":"Location","id":"ward","managingOrganization":{"reference":"Organization/unrelated"}}`)
	put(t, s, "Medication/pill", `{"resourceType":"Medication","id":"pill"}`)
	put(t, s, "Binary/scan", `{"resourceType":"Binary","id":"scan","contentType":"text/plain","data":"aGVsbG8="}`)
	patient(t, s, "other")
	put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"Organization/clinic"}}`)
	for i, day := range []string{"2020-03-01", "2022-05-01"} {
		put(t, s, fmt.Sprint("Encounter/e", i), `{"resourceType":"Encounter","id":"e%d","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},
			"period":{"start":%q,"end":%q},"location":[{"location":{"reference":"Location/ward"}}],"serviceProvider":{"reference":"Organization/clinic"}}`, i, day, day)
		put(t, s, fmt.Sprint("Observation/o", i), `{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/p"},
			"encounter":{"reference":"Encounter/e%d"},"effectiveDateTime":"%sT10:00:00Z","performer":[{"reference":"Practitioner/doc"}],"focus":[{"reference":"Patient/other"}]}`, i, i, day)
	}
	put(t, s, "MedicationRequest/m", `{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","subject":{"reference":"Patient/p"},"authoredOn":"2021-01-01",
		"medicationReference":{"reference":"Medication/pill"},"encounter":{"reference":"Encounter/e0"}}`)
	put(t, s, "DocumentReference/d", `{"resourceType":"DocumentReference","id":"d","status":"current","subject":{"reference":"Patient/p"},
		"content":[{"attachment":{"url":"Binary/scan"}}]}`)
	put(t, s, "Device/pacemaker", `{"resourceType":"Device","id":"pacemaker","patient":{"reference":"Patient/p"}}`)
	observation(t, s, "others", "Patient/other")
}

const wholeRecord = "+Binary/scan +Location/ward +Medication/pill +Organization/clinic +Practitioner/doc " +
	"Device/pacemaker DocumentReference/d Encounter/e0 Encounter/e1 MedicationRequest/m Observation/o0 Observation/o1 Patient/p"

func TestEverythingOfAPatientIsTheCompartmentAndWhatItRefersTo(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		got := everything(t, s, "Patient/p", "")
		if sorted(got) != wholeRecord || got[0] != "Patient/p" {
			t.Errorf("got  %v\nwant %s", got, wholeRecord)
		}
		for n := 1; n <= 5; n++ {
			if paged := everything(t, s, "Patient/p", fmt.Sprint("_count=", n)); !slices.Equal(paged, got) {
				t.Errorf("by %d: %v", n, paged)
			}
		}
		page := must(s.Everything(t.Context(), records.EverythingRequest{Type: "Patient", ID: "p"}))(t)
		if page.Total != 8 || page.Next != "" {
			t.Errorf("total %d, next %q", page.Total, page.Next)
		}
	})
}

func TestEverythingIsNarrowedByDatesTimesAndTypes(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		const undated = "Device/pacemaker DocumentReference/d "
		for query, want := range map[string]string{
			"start=2022":                    "+Binary/scan +Location/ward +Organization/clinic +Practitioner/doc " + undated + "Encounter/e1 Observation/o1 Patient/p",
			"end=2020-03-01":                "+Binary/scan +Location/ward +Organization/clinic +Practitioner/doc " + undated + "Encounter/e0 Observation/o0 Patient/p",
			"start=2020-06&end=2021-01-01":  "+Binary/scan +Encounter/e0 +Medication/pill +Organization/clinic " + undated + "MedicationRequest/m Patient/p",
			"_type=Patient,Observation":     "Observation/o0 Observation/o1 Patient/p",
			"_type=Practitioner&_type=Goal": "+Practitioner/doc",
			"_since=2200-01-01T00:00:00Z":   "",
			"_since=2020-01-01T00:00:00Z":   wholeRecord,
		} {
			if got := sorted(everything(t, s, "Patient/p", query)); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", query, got, want)
			}
		}
	})
}

func TestEverythingOfAnEncounterIsItsCompartment(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		want := "+Location/ward +Medication/pill +Organization/clinic +Patient/other +Patient/p +Practitioner/doc Encounter/e0 MedicationRequest/m Observation/o0"
		if got := sorted(everything(t, s, "Encounter/e0", "")); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestEverythingOfAllPatientsIsAllTheirRecords(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		want := wholeRecord[:strings.Index(wholeRecord, "Patient/p")] + "Observation/others Patient/other Patient/p"
		for _, query := range []string{"", "_count=1", "_count=4"} {
			if got := sorted(everything(t, s, "Patient/", query)); got != want {
				t.Errorf("%q:\ngot  %s\nwant %s", query, got, want)
			}
		}
	})
}

func TestEverythingOfAllLooksAtFewResourcesAPage(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxLooks: 3})
		record(t, s)
		for i := range 20 {
			put(t, s, fmt.Sprint("Basic/b", i), `{"resourceType":"Basic","id":"b%d","code":{"text":"x"}}`, i)
		}
		put(t, s, "Practitioner/late", `{"resourceType":"Practitioner","id":"late"}`)
		put(t, s, "Observation/last", `{"resourceType":"Observation","id":"last","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"performer":[{"reference":"Practitioner/late"}]}`)
		want := wholeRecord[:strings.Index(wholeRecord, "Device")] + "+Practitioner/late " + wholeRecord[strings.Index(wholeRecord, "Device"):strings.Index(wholeRecord, "Observation")] +
			"Observation/last " + wholeRecord[strings.Index(wholeRecord, "Observation"):strings.Index(wholeRecord, "Patient/p")] + "Observation/others Patient/other Patient/p"
		for _, query := range []string{"", "&_count=1", "&_count=2", "&_count=30"} {
			r := records.EverythingRequest{Type: "Patient", Pairs: pairs(t, strings.TrimPrefix(query, "&"))}
			var got []string
			pages, empty := 0, 0
			for {
				page := must(s.Everything(t.Context(), r))(t)
				if pages++; len(page.Entries) == 0 {
					empty++
				}
				if len(page.Entries) > 6 { // three of each stage
					t.Errorf("%d entries on a page", len(page.Entries))
				}
				for _, e := range page.Entries {
					name := e.Key.String()
					if e.Mode == records.ModeInclude {
						name = "+" + name
					}
					got = append(got, name)
				}
				if r.After = page.Next; r.After == "" {
					break
				}
			}
			if sorted(got) != want || empty == 0 {
				t.Errorf("%q: %d pages, %d empty:\ngot  %s\nwant %s", query, pages, empty, sorted(got), want)
			}
		}
	})
}

func TestALinkedPatientIsPartOfTheRecordButNotItsOwnRecord(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "old")
		patient(t, s, "new")
		observation(t, s, "o", "Patient/old")
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","link":[{"type":"replaces","other":{"reference":"Patient/old"}}]}`)
		put(t, s, "Patient/new", `{"resourceType":"Patient","id":"new","link":[{"type":"replaces","other":{"reference":"Patient/p"}}]}`)
		if got := sorted(everything(t, s, "Patient/p", "")); got != "+Patient/old Patient/new Patient/p" {
			t.Errorf("got %s", got)
		}
	})
}

// hiding is a session that does not see resources with the tag "secret".
func hiding(s *records.Session) *records.Session {
	tag := search.Param{Type: search.System, Code: "_tag", Kind: definitions.SearchToken}
	return s.Door().Session(s.Principal(), only{search.Not{X: search.Token{Param: tag, Code: "secret", AnySystem: true}}})
}

// hide tags a resource "secret".
func hide(t testing.TB, s *records.Session, reference string) {
	t.Helper()
	document := records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"add","path":"/meta/tag","value":[{"code":"secret"}]}]`)}
	if _, err := s.Patch(t.Context(), key(reference), document, records.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestEverythingKeepsWhatIsHiddenAndWhatOnlyThatRefersTo(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		for _, hidden := range []string{"MedicationRequest/m", "Practitioner/doc", "Encounter/e1"} {
			hide(t, s, hidden)
		}
		want := "+Binary/scan +Location/ward +Organization/clinic Device/pacemaker DocumentReference/d Encounter/e0 Observation/o0 Observation/o1 Patient/p"
		for _, query := range []string{"", "_count=1"} {
			if got := sorted(everything(t, hiding(s), "Patient/p", query)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
		hide(t, s, "Patient/p")
		_, err := hiding(s).Everything(t.Context(), records.EverythingRequest{Type: "Patient", ID: "p"})
		refused(t, err, fault.NotFound, "there is no Patient/p")
		if got := sorted(everything(t, hiding(s), "Patient/", "")); got != "Observation/others Patient/other" {
			t.Errorf("of all: %s", got)
		}
	})
}

func TestEverythingRefusesWhatItDoesNotUnderstand(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		for query, part := range map[string]string{
			"start=yesterday": "start", "start=2022&end=2020": "start lies after end", "_count=0": "_count", "_count=x": "_count",
			"_type=Pateint": "Patient", "_type=": "_type", "_typ=Patient": "_type", "_since=x": "_since", "start=2020&start=2021": "twice",
		} {
			_, err := s.Everything(t.Context(), records.EverythingRequest{Type: "Patient", ID: "p", Pairs: pairs(t, query)})
			refused(t, err, fault.Invalid, part)
		}
		_, err := s.Everything(t.Context(), records.EverythingRequest{Type: "Organization", ID: "clinic"})
		refused(t, err, fault.NotFound, "compartment")
		_, err = s.Delete(t.Context(), key("Patient/none"), records.DeleteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Everything(t.Context(), records.EverythingRequest{Type: "Patient", ID: "none"})
		refused(t, err, fault.NotFound)
	})
}

func TestACursorOfEverythingIsGoodForItsRequestAndTenantOnly(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		first := records.EverythingRequest{Type: "Patient", ID: "p", Pairs: pairs(t, "_count=2")}
		var cursors []string
		for r := first; ; {
			page := must(s.Everything(t.Context(), r))(t)
			if page.Next == "" {
				break
			}
			cursors = append(cursors, page.Next)
			r.After = page.Next
		}
		search := must(s.Search(t.Context(), records.SearchRequest{Type: "Organization", Pairs: pairs(t, "_count=1")}))(t)
		for _, c := range cursors {
			for name, r := range map[string]records.EverythingRequest{
				"another patient":   {Type: "Patient", ID: "other", Pairs: first.Pairs, After: c},
				"all patients":      {Type: "Patient", Pairs: first.Pairs, After: c},
				"other dates":       {Type: "Patient", ID: "p", Pairs: pairs(t, "_count=2&start=2020"), After: c},
				"a changed cursor":  {Type: "Patient", ID: "p", Pairs: first.Pairs, After: c[:len(c)-1] + "!"},
				"a shortened one":   {Type: "Patient", ID: "p", Pairs: first.Pairs, After: c[:12]},
				"that of a search":  {Type: "Patient", ID: "p", Pairs: first.Pairs, After: search.Next},
				"one that is blank": {Type: "Patient", ID: "p", Pairs: first.Pairs, After: " "},
			} {
				if _, err := s.Everything(t.Context(), r); fault.KindOf(err) != fault.Invalid || err == nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			_, err := newDatabase(t, db.name).session(t, records.Policy{}).Everything(t.Context(), records.EverythingRequest{Type: "Patient", Pairs: first.Pairs, After: c})
			refused(t, err, fault.Invalid)
		}
	})
}

func TestAPageOfEverythingEndsEarlyAtItsSize(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxPage: 600})
		record(t, s)
		if got := sorted(everything(t, s, "Patient/p", "")); got != wholeRecord {
			t.Errorf("got %s", got)
		}
		page := must(s.Everything(t.Context(), records.EverythingRequest{Type: "Patient", ID: "p"}))(t)
		if page.Next == "" || len(page.Entries) > 4 {
			t.Errorf("%d entries", len(page.Entries))
		}
	})
}

// TestEverythingOfSyntheticPatients compares with what is computed from the
// resources themselves.
func TestEverythingOfSyntheticPatientsIsWhatTheirResourcesSay(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for _, line := range lines(t, 5, "synthea", "base-2019", "base-2019-00.bundles.ndjson.gz") {
			process(t, s, line)
		}
		all := stored(t, s)
		for _, p := range ofType(all, "Patient") {
			want := expected(t, s, all, p)
			for _, query := range []string{"", "_count=37"} {
				got := everything(t, s, p.String(), query)
				if sorted(got) != sorted(want) {
					t.Errorf("%s: %d resources, want %d\nmore: %v\nless: %v", p, len(got), len(want), without(got, want), without(want, got))
				}
			}
		}
	})
}

func stored(t testing.TB, s *records.Session) map[fhir.Key]*fhir.Tree {
	t.Helper()
	trees := map[fhir.Key]*fhir.Tree{}
	r := records.SearchRequest{Pairs: pairs(t, "_count=1000")}
	for {
		page := must(s.Search(t.Context(), r))(t)
		for _, e := range page.Entries {
			trees[e.Key] = must(fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), e.JSON, fhir.Limits{}))(t)
		}
		if r.After = page.Next; r.After == "" {
			return trees
		}
	}
}

func ofType(all map[fhir.Key]*fhir.Tree, t fhir.Type) []fhir.Key {
	var keys []fhir.Key
	for k := range all {
		if k.Type == t {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, fhir.Key.Compare)
	return keys
}

// expected is the record of a patient: the resources that a search for each
// parameter of the compartment finds, and what these hold references to.
func expected(t testing.TB, s *records.Session, all map[fhir.Key]*fhir.Tree, p fhir.Key) []string {
	t.Helper()
	in := map[fhir.Key]bool{p: true}
	for typ, codes := range definitions.MustBuiltIn(definitions.R4).Compartment("Patient").Params {
		for _, code := range codes {
			if code == "{def}" { // the resource itself
				continue
			}
			r := records.SearchRequest{Type: fhir.Type(typ), Pairs: []search.Pair{{Name: code, Value: p.String()}, {Name: "_count", Value: "1000"}}}
			for {
				page := must(s.Search(t.Context(), r))(t)
				for _, e := range page.Entries {
					in[e.Key] = true
				}
				if r.After = page.Next; r.After == "" {
					break
				}
			}
		}
	}
	referred := map[fhir.Key]bool{}
	for k := range in {
		for n := range all[k].Root().References() {
			if to := key(n.Text()); all[to] != nil && !in[to] {
				referred[to] = true
			}
		}
	}
	var names []string
	for k := range in {
		names = append(names, k.String())
	}
	for k := range referred {
		names = append(names, "+"+k.String())
	}
	return names
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
