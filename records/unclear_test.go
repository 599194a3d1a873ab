package records_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// unclear is a provision with what cannot be computed.
const unclear = `{"type":"deny","code":[{"text":"all that hurts"}]}`

// waiting are the Consents that wait for a review.
func waiting(t testing.TB, s *records.Session) string {
	t.Helper()
	list, next, err := s.UnclearConsents(t.Context(), "")
	if err != nil || next != "" {
		t.Fatal(next, err)
	}
	var ids []string
	for _, one := range list {
		if one.Patient != "p" || len(one.Problems) != 1 || one.Problems[0].Path != "Consent.provision.code[0]" || !strings.Contains(one.Problems[0].Message, "a text alone cannot be computed") {
			t.Errorf("%+v", one)
		}
		ids = append(ids, string(one.Key.ID))
	}
	return strings.Join(ids, " ")
}

func TestAConsentThatCannotBeComputedWaitsForAReview(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		for _, id := range []string{"replaced", "deleted", "reviewed", "left"} {
			consents(t, s, id, "p", unclear)
		}
		loader := s.Loader(records.LoadOptions{Request: records.Request{Bulk: true}})
		must(loader.Group().Load(t.Context(), []records.Content{body(`{"resourceType":"Consent","id":"imported","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
			"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/p"},"provision":%s}`, unclear)}))(t)
		if err := d.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		consents(t, s, "clear", "p", denyAll)
		put(t, s, "Consent/draft", `{"resourceType":"Consent","id":"draft","status":"draft","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
			"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/p"},"provision":%s}`, unclear)
		privacy := inRole(t, d, "privacy-officer", "user/Consent.rus")
		if got := waiting(t, privacy); got != "deleted imported left replaced reviewed" {
			t.Error(got)
		}
		consents(t, s, "replaced", "p", denyAll)
		if _, err := s.Delete(t.Context(), key("Consent/deleted"), records.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := privacy.ReviewConsent(t.Context(), "reviewed", "the patient means injections"); err != nil {
			t.Fatal(err)
		}
		if got := waiting(t, privacy); got != "imported left" {
			t.Error(got)
		}
		for _, id := range []fhir.ID{"reviewed", "replaced", "none"} {
			refused(t, privacy.ReviewConsent(t.Context(), id, "again"), fault.NotFound, "does not wait for a review")
		}
		consents(t, s, "reviewed", "p", `{"type":"permit","code":[{"text":"what heals"}]}`)
		if got := waiting(t, privacy); got != "imported left reviewed" {
			t.Errorf("a later version that is unclear, too: %s", got)
		}
		for _, who := range [][2]string{{"practitioner", "user/*.cruds"}, {"privacy-officer", "user/Patient.rus"}} {
			other := inRole(t, d, who[0], who[1])
			_, _, err := other.UnclearConsents(t.Context(), "")
			refused(t, err, fault.Forbidden, `"consents"`, "user/Consent.r")
			refused(t, other.ReviewConsent(t.Context(), "left", "x"), fault.Forbidden, "user/Consent.u")
		}
		// An erasure leaves nothing of a review.
		stop := working(t, d)
		defer stop()
		if err := privacy.ReviewConsent(t.Context(), "left", "a comment on p"); err != nil {
			t.Fatal(err)
		}
		must(s.Erase(t.Context(), "p", "asked"))(t)
		erased(t, s, "p")
		if got := waiting(t, privacy); got != "" {
			t.Error(got)
		}
		items, err := db.open(t).ListItems(t.Context(), "unclear-consent", "", 10)
		if err != nil || len(items) != 0 {
			t.Errorf("%d are kept of an erased patient: %v", len(items), err)
		}
	})
}

func TestConsentsFromBeforeTheListComeOnIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.door(t, records.Policy{}).Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		consents(t, s, "old", "p", unclear)
		st := db.open(t)
		item, err := st.ReadItem(t.Context(), "unclear-consent", "old")
		if err != nil {
			t.Fatal(err)
		}
		if err := st.WriteItems(t.Context(), false, store.ItemChange{Item: item, Expect: item.Version, Delete: true}); err != nil {
			t.Fatal(err)
		}
		if got := waiting(t, s); got != "" {
			t.Fatal(got)
		}
		if err := st.WriteSetting(t.Context(), "consentRules", []byte("2")); err != nil {
			t.Fatal(err)
		}
		if got := waiting(t, db.door(t, records.Policy{}).Session(records.Principal{}, nil)); got != "old" {
			t.Error(got)
		}
	})
}
