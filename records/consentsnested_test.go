package records_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// decision is a Consent of a patient about research.
type decision struct{ id, patient, made, provision string }

// nested are provisions within each other, of two patients, that ask for whatever a
// provision can ask for.
var nested = []decision{
	{"c0", "q", "2024-01-01", `{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Claim"}],"code":[{"coding":[{"system":"urn:c","code":"d"}]}],
		"data":[{"meaning":"instance","reference":{"reference":"Condition/q"}}],"dataPeriod":{"start":"2019-01-03","end":"2020-04-01"},
		"provision":[{"type":"permit","code":[{"coding":[{"system":"urn:c","code":"b"}]}],"data":[{"meaning":"instance","reference":{"reference":"Encounter/e"}}]},{"type":"permit","purpose":[{"code":"HRESCH"}]}]}`},
	{"c1", "p", "2023-01-01", `{"type":"permit","provision":[
		{"type":"deny","actor":[{"role":{"text":"r"},"reference":{"reference":"Practitioner/dr"}}],"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}],
			"provision":[{"type":"permit","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Claim"}],"code":[{"coding":[{"system":"urn:c","code":"b"}]}],"data":[{"meaning":"instance","reference":{"reference":"Encounter/e"}}]}]},
		{"type":"permit","purpose":[{"code":"TREAT"}],"data":[{"meaning":"authoredby","reference":{"reference":"Practitioner/dr"}}]}]}`},
	{"c2", "p", "2023-01-01", `{"type":"permit","provision":[{"type":"deny","purpose":[{"code":"HRESCH"}],"data":[{"meaning":"authoredby","reference":{"reference":"Practitioner/other"}}],
		"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]}]}`},
	{"c3", "q", "2024-01-01", `{"type":"deny","provision":[{"type":"permit","actor":[{"role":{"text":"r"},"reference":{"reference":"Practitioner/dr"}}],"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]},
		{"type":"permit","class":[{"system":"http://loinc.org","code":"34133-9"}],"code":[{"coding":[{"system":"urn:c","code":"b"}]}],"data":[{"meaning":"related","reference":{"reference":"Condition/q"}}],
			"provision":[{"type":"permit","actor":[{"role":{"text":"r"},"reference":{"reference":"Practitioner/dr"}}],"data":[{"meaning":"instance","reference":{"reference":"Observation/q"}}]}]}]}`},
}

// researcher is the session of somebody whom the defaults show nothing, where patients have
// decided.
func researcher(t testing.TB, d *records.Door, decisions ...decision) *records.Session {
	t.Helper()
	all := d.Session(records.Principal{ID: "admin"}, nil)
	put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
	put(t, all, "Practitioner/other", `{"resourceType":"Practitioner","id":"other"}`)
	for _, id := range []string{"p", "q", "r"} {
		patient(t, all, id)
		put(t, all, "Encounter/"+id, `{"resourceType":"Encounter","id":%[1]q,"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/%[1]s"}}`, id)
		put(t, all, "Condition/"+id, `{"resourceType":"Condition","id":%[1]q,"code":{"coding":[{"system":"urn:c","code":"d"}]},"subject":{"reference":"Patient/%[1]s"},"encounter":{"reference":"Encounter/%[1]s"},"asserter":{"reference":"Practitioner/dr"}}`, id)
		put(t, all, "Observation/"+id, `{"resourceType":"Observation","id":%[1]q,"status":"final","code":{"coding":[{"system":"urn:c","code":"b"}]},"subject":{"reference":"Patient/%[1]s"},"performer":[{"reference":"Practitioner/other"}]}`, id)
		put(t, all, "Provenance/"+id, `{"resourceType":"Provenance","id":%[1]q,"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Observation/%[1]s"}]}`, id)
	}
	put(t, all, "Encounter/e", `{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}`)
	for _, c := range decisions {
		put(t, all, "Consent/"+c.id, `{"resourceType":"Consent","id":%q,"status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/%s"},"dateTime":%q,"provision":%s}`,
			c.id, c.patient, c.made, c.provision)
	}
	return asResearcher(t, d)
}

// keys are those of a page's entries, in order.
func keys(page *records.SearchResult) string {
	var all []string
	for _, e := range page.Entries {
		all = append(all, e.Key.String())
	}
	return strings.Join(all, " ")
}

func asResearcher(t testing.TB, d *records.Door) *records.Session {
	t.Helper()
	list := must(smart.ParseScopes("user/*.cruds"))(t)
	rules := must(d.Rules(t.Context(), access.Grant{Scopes: list, User: key("Practitioner/dr"), Asker: access.Asker{Purpose: "HRESCH", Actors: []string{"Practitioner/dr"}}}))(t)
	return d.Session(records.Principal{ID: "user", Client: "app"}, rules)
}

func TestRecordsAreAnsweredUnderNestedConsents(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := researcher(t, db.door(t, records.Policy{}), nested...)
		everything := func(id fhir.ID) string {
			r := must(s.Everything(t.Context(), records.EverythingRequest{Type: "Patient", ID: id}))(t)
			return fmt.Sprint(r.Total, " ", keys(r))
		}
		const included = " Practitioner/dr Practitioner/other"
		if got, want := everything(""), "7 Patient/p Encounter/p Condition/p Observation/p Encounter/e Consent/c1 Consent/c2"+included; got != want {
			t.Errorf("of all there is %s; %s is wanted", got, want)
		}
		// The parts of one come in no order that is promised.
		one := everything("p")
		for _, want := range []string{"7 Patient/p", "Encounter/p", "Condition/p", "Observation/p", "Encounter/e", "Consent/c1", "Consent/c2", included} {
			if !strings.Contains(one+" ", want+" ") {
				t.Errorf("of one there is %s; %s is wanted", one, want)
			}
		}
		must(s.Search(t.Context(), records.SearchRequest{}))(t)
	})
}

// TestWhatTellsOfSomethingHiddenIsHiddenForWhatItIsAbout has a Provenance refer to what is
// hidden otherwise than by its target.
func TestWhatTellsOfSomethingHiddenIsHiddenForWhatItIsAbout(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s, all := researcher(t, d, decision{"deny", "q", "2024-05-01", denyAll}, decision{"permit", "r", "2024-05-01", permit}), d.Session(records.Principal{ID: "admin"}, nil)
		put(t, all, "Provenance/of-shown", `{"resourceType":"Provenance","id":"of-shown","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Observation/r"}],"entity":[{"role":"source","what":{"reference":"Observation/q"}}]}`)
		put(t, all, "Provenance/of-hidden", `{"resourceType":"Provenance","id":"of-hidden","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Observation/r"},{"reference":"Observation/q"}]}`)
		for _, query := range []string{"_type=Provenance,AuditEvent", "_type=Provenance", ""} {
			found := keys(must(s.Search(t.Context(), records.SearchRequest{Pairs: pairs(t, query)}))(t)) + " "
			if !strings.Contains(found, "Provenance/r ") || !strings.Contains(found, "Provenance/of-shown ") || strings.Contains(found, "Provenance/q ") || strings.Contains(found, "Provenance/of-hidden ") {
				t.Errorf("%q finds %s", query, found)
			}
		}
	})
}

// TestATypeThatIsNewIsHiddenByWhatWasAskedBefore has types come after the same session
// searched over all: what is kept of its conditions does not know them.
func TestATypeThatIsNewIsHiddenByWhatWasAskedBefore(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		other := db.door(t, records.Policy{}) // another process on PostgreSQL makes the names there
		s, all := researcher(t, d, decision{"deny", "q", "2024-05-01", denyAll}, decision{"permit", "r", "2024-05-01", permit}), other.Session(records.Principal{ID: "admin"}, nil)
		found := func() map[fhir.Key]bool {
			t.Helper()
			seen := map[fhir.Key]bool{}
			for _, e := range must(s.Search(t.Context(), records.SearchRequest{Pairs: pairs(t, "_count=200")}))(t).Entries {
				seen[e.Key] = true
			}
			return seen
		}
		if before := found(); !before[key("Observation/r")] || before[key("Observation/q")] {
			t.Fatalf("%v", before)
		}
		for _, name := range []string{"Procedure", "DiagnosticReport", "Specimen"} {
			form := map[string]string{"Procedure": `"status":"completed"`, "DiagnosticReport": `"status":"final","code":{"text":"x"}`, "Specimen": `"type":{"text":"blood"}`}[name]
			resource := func(id, patient, more string) string {
				return fmt.Sprintf(`{"resourceType":%q,"id":%q,%s,"subject":{"reference":"Patient/%s"}%s}`, name, id, form, patient, more)
			}
			const sealed = `,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]}`
			put(t, all, name+"/sealed", "%s", resource("sealed", "r", sealed))
			put(t, all, name+"/q", "%s", resource("q", "q", ""))
			put(t, all, name+"/r", "%s", resource("r", "r", ""))
			put(t, all, "Provenance/"+name, `{"resourceType":"Provenance","id":%[1]q,"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"%[1]s/sealed"}]}`, name)
			now := found()
			for id, want := range map[string]bool{name + "/sealed": false, name + "/q": false, name + "/r": true, "Provenance/" + name: false} {
				if now[key(id)] != want {
					t.Errorf("%s is found: %v", id, now[key(id)])
				}
			}
		}
	})
}

// BenchmarkUnderNestedConsents asks what asks for every type at once, each time in a session
// that knows nothing of what was asked before.
func BenchmarkUnderNestedConsents(b *testing.B) {
	for _, name := range databaseNames {
		d := newDatabase(b, name).door(b, records.Policy{})
		researcher(b, d, nested...)
		run := func(what string, ask func(*records.Session) error) {
			b.Run(name+"/"+what, func(b *testing.B) {
				defer reportCPU(b)()
				for range b.N {
					err := ask(asResearcher(b, d))
					if errors.Is(err, store.ErrTooComplex) {
						b.Skip(err)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		everything := func(id fhir.ID) func(*records.Session) error {
			return func(s *records.Session) error {
				_, err := s.Everything(b.Context(), records.EverythingRequest{Type: "Patient", ID: id})
				return err
			}
		}
		run("everything of a Patient", everything("p"))
		run("everything of all Patients", everything(""))
		run("changes", func(s *records.Session) error {
			_, _, _, err := s.Changes(b.Context(), 0, 1000)
			return err
		})
		run("snapshot", func(s *records.Session) error {
			for _, err := range s.Snapshot(b.Context(), records.SnapshotRequest{At: 1000}) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
}
