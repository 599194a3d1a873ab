package leaktest_test

import (
	"testing"
	"time"

	"github.com/inglehealth/ingle/records/leaktest"
)

func TestWhatIsContainedIsToldIfSomethingShownRefersToIt(t *testing.T) {
	w := leaktest.NewWorld(base)
	err := w.Add("MedicationRequest", "r", 1, []byte(`{"resourceType":"MedicationRequest","id":"r","contained":[{"resourceType":"Medication","id":"in","code":{"text":"secret"},"ingredient":[{"itemReference":{"reference":"#of"}}]},
		{"resourceType":"Substance","id":"of","code":{"text":"secret, too"}},{"resourceType":"Practitioner","id":"by"}],"medicationReference":{"reference":"#in"},"requester":{"reference":"#by"}}`))
	if err != nil {
		t.Fatal(err)
	}
	rule := leaktest.RoleRule{Types: []string{"*"}, Interactions: "cruds", Reach: "organization", Mask: []string{"MedicationRequest.medication"}}
	s := leaktest.See(w, &leaktest.Principal{Roles: []leaktest.Role{{Rules: []leaktest.RoleRule{rule}}}}, time.Now())
	const head = `{"resourceType":"MedicationRequest","id":"r","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"REDACTED"}]},`
	for answer, explained := range map[string]bool{
		`"contained":[{"resourceType":"Practitioner","id":"by"}],"requester":{"reference":"#by"}}`: true,
		`"requester":{"reference":"#by"}}`: false,
		`"contained":[{"resourceType":"Medication","id":"in","code":{"text":"secret"}},{"resourceType":"Practitioner","id":"by"}],"requester":{"reference":"#by"}}`:     false,
		`"contained":[{"resourceType":"Substance","id":"of","code":{"text":"secret, too"}},{"resourceType":"Practitioner","id":"by"}],"requester":{"reference":"#by"}}`: false,
	} {
		if wrong := s.Unexplained(w.Newest("MedicationRequest/r"), []byte(head+answer), false); (wrong == nil) != explained {
			t.Errorf("%s: %q", answer, wrong)
		}
	}
}
