package records_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestReferencesMustLeadSomewhereUnlessPolicyEases(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		write := func(s *records.Session, reference string) error {
			_, err := s.Create(t.Context(), "Observation",
				body(`{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":%q}}`, reference), records.CreateOptions{})
			return err
		}
		refused(t, write(s, "Patient/none"), fault.Unprocessable, "Observation.subject.reference", "Patient/none")
		refused(t, write(s, base+"/Patient/none"), fault.Unprocessable, "Observation.subject.reference")
		refused(t, write(s, "Patient?identifier=1"), fault.Unprocessable, "transaction")
		refused(t, write(s, "nonsense"), fault.Unprocessable, "nonsense")
		patient(t, s, "p")
		for _, ok := range []string{"Patient/p", base + "/Patient/p", "https://other.example/Patient/9", "urn:uuid:7d49ddb1-8282-be2c-a279-38cd254ee5f2"} {
			if err := write(s, ok); err != nil {
				t.Errorf("%s: %v", ok, err)
			}
		}
		if err := write(db.session(t, records.Policy{AllowDangling: true}), "Patient/none"); err != nil {
			t.Fatal(err)
		}
		must(s.Delete(t.Context(), key("Patient/none"), records.DeleteOptions{}))(t)
	})
}

func TestWhatOthersReferToIsNotDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		observation(t, s, "o", "Patient/p")
		_, err := s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{})
		refused(t, err, fault.Conflict, "Observation/o")
		if must(s.Read(t.Context(), key("Patient/p"), records.ReadOptions{}))(t).Version != 1 {
			t.Fatal("the refused delete left something")
		}
		must(s.Delete(t.Context(), key("Observation/o"), records.DeleteOptions{}))(t)
		// No search parameter covers a reference in an extension.
		put(t, s, "Basic/b", `{"resourceType":"Basic","id":"b","code":{"text":"c"},"extension":[{"url":"http://example.org/e","valueReference":{"reference":"Patient/p"}}]}`)
		_, err = s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{})
		refused(t, err, fault.Conflict, "Basic/b")
		must(s.Delete(t.Context(), key("Basic/b"), records.DeleteOptions{}))(t)
		must(s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{}))(t)
	})
}

func TestADeleteAndANewReferenceNeverBothSucceed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		one, two := db.session(t, records.Policy{}), db.session(t, records.Policy{})
		for round := range 20 {
			id := fmt.Sprintf("p%d", round)
			patient(t, one, id)
			var wg sync.WaitGroup
			var deleted, referred error
			wg.Go(func() { _, deleted = one.Delete(t.Context(), key("Patient/"+id), records.DeleteOptions{}) })
			wg.Go(func() {
				_, referred = two.Create(t.Context(), "Observation",
					body(`{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/%s"}}`, id), records.CreateOptions{})
			})
			wg.Wait()
			if (deleted == nil) == (referred == nil) {
				t.Fatalf("round %d: delete %v, reference %v", round, deleted, referred)
			}
			if deleted != nil {
				refused(t, deleted, fault.Conflict)
			} else {
				refused(t, referred, fault.Unprocessable)
			}
		}
	})
}

func TestProvenanceIsStoredWithWhatItTellsOf(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "author")
		provenance := body(`{"resourceType":"Provenance","recorded":"2026-01-02T03:04:05Z","agent":[{"who":{"reference":"Patient/author"}}]}`)
		res := must(s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient"}`), records.CreateOptions{Request: records.Request{Provenance: &provenance}}))(t)
		page := must(s.Search(t.Context(), records.SearchRequest{Type: "Provenance"}))(t)
		if len(page.Entries) != 1 || !bytes.Contains(page.Entries[0].JSON, []byte(`"target":[{"reference":"`+res.Key.String()+`/_history/1"}]`)) {
			t.Fatalf("%d provenances: %+v", len(page.Entries), page.Entries)
		}
		bad := body(`{"resourceType":"Provenance","recorded":"2026-01-02T03:04:05Z","agent":[{"who":{"reference":"Patient/nobody"}}]}`)
		_, err := s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient"}`), records.CreateOptions{Request: records.Request{Provenance: &bad}})
		refused(t, err, fault.Unprocessable, "Patient/nobody")
		if n := count(t, s, "Patient", ""); n != 2 {
			t.Fatalf("%d patients: the refused Provenance left its resource", n)
		}
	})
}

func TestAReferenceToAVersionOutlivesADelete(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "author")
		patient(t, s, "p")
		tell := func(id, target string) error {
			_, err := s.Update(t.Context(), key("Provenance/"+id), body(`{"resourceType":"Provenance","id":%q,"recorded":"2026-01-02T03:04:05Z",
				"target":[{"reference":%q}],"agent":[{"who":{"reference":"Patient/author"}}]}`, id, target), records.UpdateOptions{})
			return err
		}
		if err := tell("v", "Patient/p/_history/1"); err != nil {
			t.Fatal(err)
		}
		must(s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{}))(t)
		if err := tell("w", "Patient/p/_history/1"); err != nil {
			t.Fatal(err)
		}
		refused(t, tell("x", "Patient/p/_history/3"), fault.Unprocessable, "Provenance.target[0].reference")
		refused(t, tell("x", "Patient/p"), fault.Unprocessable, "Provenance.target[0].reference")
		patient(t, s, "p")
		if err := tell("y", "Patient/p"); err != nil {
			t.Fatal(err)
		}
		_, err := s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{})
		refused(t, err, fault.Conflict, "Provenance/y refer")
	})
}

func TestAReferenceToAVersionThatNeverWasIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		told := func(target string) records.Content {
			return body(`{"resourceType":"Provenance","id":"v","recorded":"2026-01-02T03:04:05Z",
				"target":[{"reference":%q}],"agent":[{"who":{"reference":"Patient/p"}}]}`, target)
		}
		for _, version := range []string{"2", "99", "abc", "0", "01"} {
			target := "Patient/p/_history/" + version
			_, err := s.Update(t.Context(), key("Provenance/v"), told(target), records.UpdateOptions{})
			refused(t, err, fault.Unprocessable, "Provenance.target[0].reference", "has no version", version, "its latest is 1")
			_, err = s.Create(t.Context(), "Provenance", told(target), records.CreateOptions{})
			refused(t, err, fault.Unprocessable, "Provenance.target[0].reference")
			loaded := must(s.Load(t.Context(), []records.Content{told(target)}, records.LoadOptions{}))(t)
			refused(t, loaded[0].Err, fault.Unprocessable, "Provenance.target[0].reference")
			_, err = s.Bundle(t.Context(), bundle("transaction", fmt.Sprintf(`{"resource":%s,"request":{"method":"PUT","url":"Provenance/v"}}`, told(target).JSON)), records.BundleOptions{})
			refused(t, err, fault.Unprocessable, "Bundle.entry[0].resource.target[0].reference")
		}
		header := body(`{"resourceType":"Provenance","recorded":"2026-01-02T03:04:05Z","agent":[{"who":{"reference":"Patient/p"}}],
			"entity":[{"role":"source","what":{"reference":"Patient/p/_history/99"}}]}`)
		_, err := s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient"}`), records.CreateOptions{Request: records.Request{Provenance: &header}})
		refused(t, err, fault.Unprocessable, "X-Provenance.entity[0].what.reference", "its latest is 1")
		eased := db.session(t, records.Policy{AllowDangling: true})
		must(eased.Update(t.Context(), key("Provenance/v"), told("Patient/p/_history/99"), records.UpdateOptions{}))(t)
	})
}

func TestAReferenceToAVersionThatIsMadeAlongWithItIsMet(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		told := func(version string) string {
			return `{"resourceType":"Provenance","id":"v","recorded":"2026-01-02T03:04:05Z",
				"target":[{"reference":"Patient/p/_history/` + version + `"}],"agent":[{"who":{"reference":"Patient/p"}}]}`
		}
		both := func(version string) error {
			_, err := s.Bundle(t.Context(), bundle("transaction",
				`{"resource":`+told(version)+`,"request":{"method":"PUT","url":"Provenance/v"}}`,
				`{"resource":{"resourceType":"Patient","id":"p","active":true},"request":{"method":"PUT","url":"Patient/p"}}`), records.BundleOptions{})
			return err
		}
		refused(t, both("3"), fault.Unprocessable, "its latest is 2")
		if err := both("2"); err != nil {
			t.Fatal(err)
		}
		loaded := must(s.Load(t.Context(), []records.Content{
			body("%s", told("3")), body(`{"resourceType":"Patient","id":"p","active":false}`), body(`{"resourceType":"Patient","id":"q"}`),
		}, records.LoadOptions{}))(t)
		for i, l := range loaded {
			if l.Err != nil {
				t.Errorf("item %d: %v", i, l.Err)
			}
		}
	})
}
