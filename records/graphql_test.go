package records_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func graph(t testing.TB, s *records.Session, on, query string) (string, error) {
	t.Helper()
	r := records.GraphQLRequest{Request: graphql.Request{Query: query}}
	if on != "" {
		r.Key = key(on)
	}
	out, err := s.GraphQL(t.Context(), r)
	return string(out), err
}

func graphGives(t testing.TB, s *records.Session, on, query, want string) {
	t.Helper()
	got, err := graph(t, s, on, query)
	if want = `{"data":` + want + `}`; err != nil || got != want {
		t.Errorf("%s\n got %s %v\nwant %s", query, got, err, want)
	}
}

func graphFails(t testing.TB, s *records.Session, on, query string, kind fault.Kind, parts ...string) {
	t.Helper()
	got, err := graph(t, s, on, query)
	f, ok := errors.AsType[*graphql.Failure](err)
	if !ok || f.Kind != kind {
		t.Errorf("%s gave %s, %v", query, got, err)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: the error does not say %q: %v", query, part, err)
		}
	}
}

func TestGraphQLReadsAndSearchesStoredResources(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		patient(t, s, "q")
		for i := range 5 {
			observation(t, s, fmt.Sprintf("o%d", i), "Patient/p")
		}
		observation(t, s, "other", base+"/Patient/q")
		graphGives(t, s, "Patient/p", `{ name { family } }`, `{"name":[{"family":"Example"}]}`)
		graphGives(t, s, "Observation/other", `{ subject { resource { id } } }`, `{"subject":{"resource":{"id":"q"}}}`)
		graphGives(t, s, "", `{ PatientList(_sort: "_id") { id ObservationList(_reference: subject) { id } } }`,
			`{"PatientList":[{"id":"p","ObservationList":[{"id":"o0"},{"id":"o1"},{"id":"o2"},{"id":"o3"},{"id":"o4"}]},{"id":"q","ObservationList":[{"id":"other"}]}]}`)
		graphGives(t, s, "", `{ ObservationConnection(patient: p, _count: 2) { count pagesize edges { resource { id } } } }`,
			`{"ObservationConnection":{"count":5,"pagesize":2,"edges":[{"resource":{"id":"o0"}},{"resource":{"id":"o1"}}]}}`)
		graphGives(t, s, "", `{ PatientList(fhirpath: "'Patient/q'.resolve().id = id") { id } }`, `{"PatientList":[{"id":"q"}]}`)

		must(s.Delete(t.Context(), key("Observation/o0"), records.DeleteOptions{}))(t)
		graphFails(t, s, "", `{ Observation(id: o0) { id } }`, fault.NotFound, "there is no Observation/o0")
		_, err := graph(t, s, "Observation/o0", `{ id }`)
		refused(t, err, fault.Gone)
		_, err = graph(t, s, "Observation/never", `{ id }`)
		refused(t, err, fault.NotFound)
	})
}

func TestTheCursorsOfGraphQLGoOnWhereThePageEnded(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for i := range 5 {
			patient(t, s, fmt.Sprintf("p%d", i))
		}
		query, seen := `PatientConnection(name: "example", _sort: "-_id", _count: 2)`, ""
		for query != "" {
			// The count is asked for on one page and not on another.
			got, err := graph(t, s, "", `{ `+query+` { edges { resource { id } } next offset `+map[bool]string{true: "count"}[seen == ""]+` } }`)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				if id := fmt.Sprintf("p%d", i); strings.Contains(got, `"id":"`+id+`"`) {
					seen += id + " "
				}
			}
			_, rest, _ := strings.Cut(got, `"next":"`)
			next, _, _ := strings.Cut(rest, `"`)
			if query = ""; next != "" && rest != "" {
				query = `PatientConnection(_cursor: "` + next + `")`
			}
		}
		if seen != "p3 p4 p1 p2 p0 " {
			t.Errorf("the pages held %s", seen)
		}
	})
}

func TestWhatASessionMayNotSeeIsMissingFromGraphQL(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		all := d.Session(records.Principal{}, nil)
		put(t, all, "Patient/open", `{"resourceType":"Patient","id":"open","active":true}`)
		put(t, all, "Patient/hidden", `{"resourceType":"Patient","id":"hidden","active":false,"link":[{"type":"seealso","other":{"reference":"Patient/open"}}]}`)
		put(t, all, "Patient/linked", `{"resourceType":"Patient","id":"linked","active":true,"link":[{"type":"seealso","other":{"reference":"Patient/hidden"}},{"type":"seealso","other":{"reference":"Patient/hidden/_history/1"}},{"type":"seealso","other":{"reference":"Patient/open/_history/1"}}]}`)
		active, ok := d.Catalog("").Param("Patient", "active")
		if !ok {
			t.Fatal("no parameter active")
		}
		s := d.Session(records.Principal{}, only{search.Token{Param: active, AnySystem: true, Code: "true"}})
		graphGives(t, s, "", `{ PatientList(_sort: "_id") { id } }`, `{"PatientList":[{"id":"linked"},{"id":"open"}]}`)
		graphGives(t, s, "", `{ PatientConnection { count } }`, `{"PatientConnection":{"count":2}}`)
		graphGives(t, s, "Patient/open", `{ PatientList(_reference: link) { id } }`, `{"PatientList":[{"id":"linked"}]}`)
		graphGives(t, s, "Patient/linked", `{ link { other { resource(optional: true) { id } } } }`, `{"link":[{"other":{}},{"other":{}},{"other":{"resource":{"id":"open"}}}]}`)
		graphFails(t, s, "Patient/linked", `{ link { other { resource { id } } } }`, fault.Unprocessable, "Patient/hidden")
		graphFails(t, s, "", `{ Patient(id: hidden) { id } }`, fault.NotFound, "there is no Patient/hidden")
		_, err := graph(t, s, "Patient/hidden", `{ id }`)
		refused(t, err, fault.NotFound)
	})
}

func TestGraphQLReadsABoundedAmountOfResources(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for i := range 6 {
			put(t, s, fmt.Sprintf("Basic/b%d", i), `{"resourceType":"Basic","id":"b%d","code":{"text":"x"},"extension":[%s{"url":"http://x","valueBoolean":true}]}`,
				i, strings.Repeat(`{"url":"http://x","valueString":"`+strings.Repeat("x", 500_000)+`"},`, 12))
		}
		graphFails(t, s, "", `{ BasicList { id } }`, fault.Unprocessable, "32 MiB")
		graphFails(t, s, "", `{ b0: Basic(id: b0) { id } b1: Basic(id: b1) { id } b2: Basic(id: b2) { id } b3: Basic(id: b3) { id } b4: Basic(id: b4) { id } b5: Basic(id: b5) { id } }`, fault.Unprocessable, "32 MiB")
		graphGives(t, s, "", `{ BasicList(_count: 1) { id } }`, `{"BasicList":[{"id":"b0"}]}`)
	})
}

func TestGraphQLFollowsReferencesIntoOtherReleases(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d, err := records.Open(t.Context(), records.Config{
			Store: db.open(t), Definitions: definitions.MustBuiltIn(definitions.R4), Others: []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)}, Base: base,
		})
		if err != nil {
			t.Fatal(err)
		}
		s := d.Session(records.Principal{}, nil)
		patient(t, s, "p")
		content := body(`{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}`)
		content.Release = definitions.R4B
		must(s.Update(t.Context(), key("Encounter/e"), content, records.UpdateOptions{}))(t)
		graphGives(t, s, "Patient/p", `{ EncounterList(_reference: subject) { id class { code } subject { resource { ... on Patient { name { family } } } } } }`,
			`{"EncounterList":[{"id":"e","class":{"code":"AMB"},"subject":{"resource":{"name":[{"family":"Example"}]}}}]}`)
		graphGives(t, s, "Encounter/e", `{ status subject { resource { id } } }`, `{"status":"finished","subject":{"resource":{"id":"p"}}}`)
		graphGives(t, s, "", `{ PatientList { EncounterList(_reference: subject) { id } } }`, `{"PatientList":[{"EncounterList":[{"id":"e"}]}]}`)
	})
}

func TestGraphQLFindsWhatSearchesFindAmongSyntheticPatients(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for _, line := range lines(t, 3, "synthea", "base-2019", "base-2019-00.bundles.ndjson.gz") {
			process(t, s, line)
		}
		got, err := graph(t, s, "", `{ PatientList { id
			c: ConditionList(_reference: subject) { id subject { reference } encounter { resource { ... on Encounter { id } } } }
			e: EncounterList(_reference: patient, _sort: "-date") { id } } }`)
		if err != nil {
			t.Fatal(err)
		}
		var out struct {
			Data struct {
				PatientList []struct {
					ID string
					C  []struct {
						ID        string
						Subject   struct{ Reference string }
						Encounter struct{ Resource struct{ ID string } }
					}
					E []struct{ ID string }
				}
			}
		}
		if err := json.Unmarshal([]byte(got), &out); err != nil {
			t.Fatal(err)
		}
		if len(out.Data.PatientList) != 3 {
			t.Fatalf("%d patients", len(out.Data.PatientList))
		}
		for _, p := range out.Data.PatientList {
			var conditions, encounters []string
			for _, c := range p.C {
				conditions = append(conditions, "Condition/"+c.ID)
				if c.Subject.Reference != "Patient/"+p.ID || c.Encounter.Resource.ID == "" {
					t.Errorf("a condition of %s is %+v", p.ID, c)
				}
			}
			for _, e := range p.E {
				encounters = append(encounters, "Encounter/"+e.ID)
			}
			if want := found(t, s, "Condition", "subject=Patient/"+p.ID+"&_count=1000"); strings.Join(conditions, " ") != want || want == "" {
				t.Errorf("the conditions of %s differ", p.ID)
			}
			if want := found(t, s, "Encounter", "patient="+p.ID+"&_sort=-date&_count=1000"); strings.Join(encounters, " ") != want || want == "" {
				t.Errorf("the encounters of %s differ", p.ID)
			}
		}
	})
}
