package records_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
)

// TestManyConsentsOfOnePatientAreAnswered has consents of one patient that in turn hide
// a code and show one: of more than are asked all is hidden, and others are answered.
func TestManyConsentsOfOnePatientAreAnswered(t *testing.T) {
	for _, name := range databaseNames {
		d := newDatabase(t, name).door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p"}`)
		put(t, s, "Patient/q", `{"resourceType":"Patient","id":"q"}`)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		observation := func(patient string, i int) {
			put(t, s, fmt.Sprintf("Observation/%s%d", patient, i), `{"resourceType":"Observation","id":"%s%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"c%d"}]},"subject":{"reference":"Patient/%s"}}`, patient, i, i, patient)
		}
		for _, i := range []int{0, 7, 20, 1000} {
			observation("p", i)
			observation("q", i)
		}
		consent := func(i int) {
			provision := `{"provision":[{"type":"deny",%s}]}` // and decides nothing else
			if i%2 == 1 {
				provision = `{"type":"permit",%s}`
			}
			provision = fmt.Sprintf(provision, fmt.Sprintf(`"code":[{"coding":[{"system":"http://loinc.org","code":"c%d"}]}],"dataPeriod":{"start":"%d"}`, i, 1000+i))
			put(t, s, fmt.Sprintf("Consent/c%d", i), `{"resourceType":"Consent","id":"c%d","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"c"}],"policy":[{"uri":"https://p.example"}],
				"patient":{"reference":"Patient/p"},"dateTime":"2024-01-%02dT%02d:00:00Z","provision":%s}`, i, 1+i/24, i%24, provision)
		}
		consents := 0
		for _, c := range []struct {
			consents int
			of       map[string]string
		}{
			{60, map[string]string{"p": "[p7 p1000]", "q": "[q0 q7 q20 q1000]"}},
			{300, map[string]string{"p": "[]", "q": "[q0 q7 q20 q1000]"}}, // more than are asked
		} {
			for ; consents < c.consents; consents++ {
				consent(consents)
			}
			as := clinician(t, d)
			for patient, want := range c.of {
				for _, q := range []string{"patient=Patient/" + patient, "patient=Patient/" + patient + "&_summary=count", "_id=" + patient + "0"} {
					res, err := as.Search(t.Context(), records.SearchRequest{Type: "Observation", Pairs: pairs(t, q)})
					if err != nil {
						t.Fatal(name, c.consents, q, err)
					}
					var found []string
					for _, e := range res.Entries {
						found = append(found, string(e.Key.ID))
					}
					switch {
					case strings.HasPrefix(q, "_id"):
						want = map[string]string{"p": "[]", "q": "[q0]"}[patient]
					case strings.Contains(q, "count"):
						found, want = []string{fmt.Sprint(res.Total)}, fmt.Sprint([]int{len(strings.Fields(strings.Trim(want, "[]")))})
					}
					if fmt.Sprint(found) != want {
						t.Errorf("%s, %d consents, %s: %v, want %s", name, c.consents, q, found, want)
					}
				}
			}
			if _, err := as.Search(t.Context(), records.SearchRequest{}); err != nil {
				t.Errorf("%s, %d consents: %v", name, c.consents, err)
			}
		}
	}
}
