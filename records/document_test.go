package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// document lists the resources of a document.
func document(t testing.TB, s *records.Session, id fhir.ID) string {
	t.Helper()
	resources, err := s.Document(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range resources {
		names = append(names, r.Key.String())
	}
	return strings.Join(names, " ")
}

// composition stores a Composition whose one section has entries.
func composition(t testing.TB, s *records.Session, id, rest string, entries ...string) {
	t.Helper()
	var references []string
	for _, e := range entries {
		references = append(references, fmt.Sprintf(`{"reference":%q}`, e))
	}
	put(t, s, "Composition/"+id, `{"resourceType":"Composition","id":%q,"status":"final","type":{"text":"x"},"date":"2020","title":"T","author":[{"reference":"Practitioner/doc"}],
		"subject":{"reference":"Patient/p"},"section":[{"title":"S","entry":[%s]}]%s}`, id, strings.Join(references, ","), rest)
}

func TestADocumentHoldsEverythingThatItsCompositionRefersTo(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		composition(t, s, "before", "", "Device/pacemaker")
		composition(t, s, "c", `,"relatesTo":[{"code":"replaces","targetReference":{"reference":"Composition/before"}}]`,
			"Observation/o0", "MedicationRequest/m", "Observation/o0", base+"/Encounter/e0", "DocumentReference/d")
		got := strings.Fields(document(t, s, "c"))
		want := []string{"Composition/c", "Binary/scan", "DocumentReference/d", "Encounter/e0", "Location/ward", "Medication/pill", "MedicationRequest/m",
			"Observation/o0", "Organization/clinic", "Organization/unrelated", "Patient/other", "Patient/p", "Practitioner/doc"}
		if got[0] != want[0] || sorted(got) != sorted(want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	})
}

func TestADocumentTakesTheVersionsThatAreNamed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		hide(t, s, "Observation/others") // version 2
		composition(t, s, "c", "", "Observation/others/_history/1", "Observation/o1", "Observation/o1/_history/1")
		var versions []string
		for _, r := range must(s.Document(t.Context(), "c"))(t) {
			if r.Key.Type == "Observation" {
				versions = append(versions, fmt.Sprintf("%s/%d", r.Key.ID, r.Version))
			}
		}
		if slices.Sort(versions); !slices.Equal(versions, []string{"o1/1", "others/1"}) {
			t.Errorf("got %v", versions)
		}
	})
}

func TestADocumentThatLacksAPartIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{AllowDangling: true})
		record(t, s)
		composition(t, s, "c", "", "Observation/o0", "Observation/o1")
		for _, bad := range []string{"Observation/none", "http://elsewhere.example/fhir/Observation/1", "Observation/o0/_history/7"} {
			composition(t, s, "bad", "", "Observation/o0", bad)
			_, err := s.Document(t.Context(), "bad")
			refused(t, err, fault.Unprocessable, bad, "Composition.section[0].entry[1].reference")
		}
		hide(t, s, "Observation/o1")
		_, err := hiding(s).Document(t.Context(), "c")
		refused(t, err, fault.Unprocessable, "Observation/o1 is not on this server")
		hide(t, s, "Composition/c")
		_, err = hiding(s).Document(t.Context(), "c")
		refused(t, err, fault.NotFound, "there is no Composition/c")
	})
}

func TestADocumentLeavesOutWhatOthersReferToAndTheSessionDoesNotSee(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		composition(t, s, "c", "", "Observation/o0")
		hide(t, s, "Location/ward")
		if got := document(t, hiding(s), "c"); strings.Contains(got, "Location") || !strings.Contains(got, "Encounter/e0") {
			t.Errorf("got %s", got)
		}
	})
}

func TestADocumentIsBounded(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		record(t, s)
		composition(t, s, "c", "", "Observation/o0")
		for _, policy := range []records.Policy{{MaxIncludes: 3}, {MaxPage: 700}} {
			_, err := db.session(t, policy).Document(t.Context(), "c")
			refused(t, err, fault.Unprocessable, "the document would hold more than")
		}
	})
}
