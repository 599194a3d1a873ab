package records_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// tellsOf stores a Provenance of each reference, with the id of what that names.
func tellsOf(t *testing.T, s *records.Session, references ...string) {
	t.Helper()
	for _, to := range references {
		id := strings.NewReplacer("/_history/", "-", "/", "-").Replace(to)
		put(t, s, "Provenance/"+id, `{"resourceType":"Provenance","id":%q,"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":%q}]}`, id, to)
	}
}

// forgetLeft removes what the delete of a resource left of its index.
func forgetLeft(t *testing.T, db database, k fhir.Key) {
	t.Helper()
	s := db.open(t)
	v := must(s.Read(t.Context(), k))(t)
	held := store.Setting{Name: "indexEpoch", Value: must(s.ReadSetting(t.Context(), "indexEpoch"))(t)}
	if n, err := s.Reindex(t.Context(), held, []store.Reindexed{{Key: k, Version: v.Version}}); err != nil || n.Replaced != 1 {
		t.Fatalf("%s: %+v, %v", k, n, err)
	}
}

// TestWhatTellsOfSomethingHiddenStaysHiddenWhenThatIsDeleted deletes what Provenances tell of:
// some hidden by a consent, by a label, and by the label of an Encounter that is deleted too,
// and some that is not.
func TestWhatTellsOfSomethingHiddenStaysHiddenWhenThatIsDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{AllowDangling: true, AllowDeleteReferred: true, Expunge: true})
		all := d.Session(records.Principal{ID: "admin"}, nil)
		put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		for _, p := range []string{"q", "r"} {
			put(t, all, "Patient/"+p, `{"resourceType":"Patient","id":%q}`, p)
		}
		const sealed = `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]},`
		put(t, all, "Encounter/e", `{"resourceType":"Encounter","id":"e",%s"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/r"}}`, sealed)
		observation := func(id, patient, more string) {
			put(t, all, "Observation/"+id, `{"resourceType":"Observation","id":%q,%s"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/%s"}}`, id, more, patient)
		}
		observation("denied", "q", "")
		observation("labelled", "r", sealed)
		observation("visit", "r", `"encounter":{"reference":"Encounter/e"},`)
		observation("shown", "r", "")
		ids := []string{"denied", "labelled", "visit", "shown"}
		for _, id := range ids {
			tellsOf(t, all, "Observation/"+id, "Observation/"+id+"/_history/1")
		}
		consents(t, all, "c", "q", denyDr)
		check := func(when string, shown ...string) {
			t.Helper()
			s := clinician(t, d)
			var want []string
			for _, id := range shown {
				want = append(want, "Provenance/Observation-"+id, "Provenance/Observation-"+id+"-1")
			}
			for _, query := range []string{"", "target:missing=false", "_total=accurate"} {
				found := must(s.Search(t.Context(), records.SearchRequest{Type: "Provenance", Pairs: pairs(t, query)}))(t)
				if got := keys(found); got != strings.Join(want, " ") {
					t.Errorf("%s: %q finds %s, want %s", when, query, got, want)
				}
			}
			told := fmt.Sprint(strings.Join(want, " "), " ")
			for _, id := range ids {
				k := fhir.Key{Type: "Provenance", ID: fhir.ID("Observation-" + id)}
				_, err := s.Read(t.Context(), k, records.ReadOptions{})
				_, past := s.History(t.Context(), records.HistoryRequest{Type: k.Type, ID: k.ID})
				if is := strings.Contains(told, k.String()+" "); is != (err == nil) || is != (past == nil) || !is && (fault.KindOf(err) != fault.NotFound || fault.KindOf(past) != fault.NotFound) {
					t.Errorf("%s: %s is read with %v, its history with %v", when, k, err, past)
				}
			}
		}
		check("before", "shown")
		for _, id := range ids {
			must(all.Delete(t.Context(), key("Observation/"+id), records.DeleteOptions{}))(t)
		}
		check("deleted", "shown")
		must(all.Delete(t.Context(), key("Encounter/e"), records.DeleteOptions{}))(t)
		check("with the encounter", "shown")
		if _, err := clinician(t, d).History(t.Context(), records.HistoryRequest{Type: "Observation", ID: "visit"}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the history of what the label of a deleted encounter hides is told: %v", err)
		}
		observation("denied", "r", "")
		check("written anew", "denied", "shown")
		must(all.Expunge(t.Context(), records.ExpungeRequest{Key: fhir.Key{Type: "Observation", ID: "labelled"}, Deleted: true}))(t)
		check("expunged", "denied", "labelled", "shown")
		for _, k := range []string{"Observation/visit", "Encounter/e"} { // as a delete of former times left them
			forgetLeft(t, db, key(k))
		}
		check("with nothing left of the index", "denied", "labelled", "visit", "shown")
		if _, err := d.Reindex(t.Context(), records.ReindexOptions{}); err != nil {
			t.Fatal(err)
		}
		check("indexed anew", "denied", "labelled", "shown")
	})
}

// TestAMigrationMovesWhatDeletesLeave has a Provenance tell of something that was sealed.
func TestAMigrationMovesWhatDeletesLeave(t *testing.T) {
	onPairs(t, func(t *testing.T, from, to database) {
		all := from.door(t, records.Policy{AllowDeleteReferred: true}).Session(records.Principal{ID: "admin"}, nil)
		put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		put(t, all, "Patient/p", `{"resourceType":"Patient","id":"p"}`)
		for id, label := range map[string]string{"sealed": "ETH", "shown": "NONE"} {
			put(t, all, "Observation/"+id, `{"resourceType":"Observation","id":%q,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":%q}]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`, id, label)
			tellsOf(t, all, "Observation/"+id)
			must(all.Delete(t.Context(), key("Observation/"+id), records.DeleteOptions{}))(t)
		}
		target := to.over(t, to.open(t))
		if m, err := records.Migrate(t.Context(), from.over(t, from.open(t)), target, records.MigrateOptions{}); err != nil || !m.Agrees() {
			t.Fatalf("%+v %v", m, err)
		}
		if got := keys(must(clinician(t, target).Search(t.Context(), records.SearchRequest{Type: "Provenance"}))(t)); got != "Provenance/Observation-shown" {
			t.Errorf("there is %s", got)
		}
	})
}
