package records_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/store"
)

// simple is a store that finds what goes along with notifications too complex to ask for
// when it is to ask what the session sees of it, too.
type simple struct{ store.Store }

func (s simple) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	if _, is := q.Filter.(search.And); is && (slices.Contains(q.Types, "Provenance") || slices.Contains(q.Types, "Encounter")) {
		return store.Page{}, fmt.Errorf("%w: it says", store.ErrTooComplex)
	}
	return s.Store.Search(ctx, q)
}

func TestWhatGoesAlongAndIsTooComplexToAskForHoldsUpNoSubscriber(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t, func(c *records.Config, _ *records.SubscriptionConfig) { c.Store = simple{c.Store} })
		for _, id := range []string{"a", "b"} {
			h.put(t, "Patient/"+id, `{"resourceType":"Patient","id":%q}`, id)
		}
		h.put(t, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		h.put(t, "Encounter/seen", "%s", encounterOf("seen", "finished", "a"))
		h.put(t, "Encounter/hidden", "%s", encounterOf("hidden", "finished", "b"))
		h.put(t, "Basic/along", "%s", fmt.Sprintf(`{"resourceType":"Basic","id":"along","code":{"coding":[{"system":"http://hl7.org/fhir/fhir-types","code":"SubscriptionTopic"}]},"extension":[
			{"url":"%[1]surl","valueUri":"http://x.example/along"},{"url":"%[1]sstatus","valueCode":"active"},
			{"url":"%[1]sresourceTrigger","extension":[{"url":"resource","valueUri":"Observation"}]},
			{"url":"%[1]snotificationShape","extension":[{"url":"resource","valueUri":"Observation"},{"url":"include","valueString":"Observation:encounter"},{"url":"revInclude","valueString":"Provenance:target"}]}]}`, crossVersion))
		h.sessions.are(func(d *records.Door) (*records.Session, error) { return clinician(t, d), nil })
		consents(t, h.Session(records.Principal{}, nil), "c", "b", denyAll)
		h.subscribeTo(t, "along", "http://x.example/along")
		for _, visit := range []string{"seen", "hidden"} {
			h.put(t, "Observation/"+visit, `{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"encounter":{"reference":"Encounter/%[1]s"}}`, visit)
			h.put(t, "Provenance/"+visit, `{"resourceType":"Provenance","id":%q,"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}],"target":[{"reference":"Observation/%[1]s"}]}`, visit)
		}
		h.put(t, "Provenance/both", `{"resourceType":"Provenance","id":"both","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}],"target":[{"reference":"Observation/seen"},{"reference":"Encounter/hidden"}]}`)
		h.hears(t, "along", "handshake", "1:create:Observation/seen", "2:create:Observation/hidden")
		m, _, err := h.log.Message(t.Context(), "along", notify.QueryEvent, notify.IDOnly, "", 1, 10, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]string
		for _, e := range m.Events {
			var along []string
			for _, r := range e.Context {
				along = append(along, r.Key.String())
			}
			slices.Sort(along)
			got = append(got, along)
		}
		if want := [][]string{{"Encounter/seen", "Provenance/seen"}, {"Provenance/hidden"}}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v goes along, and not %v", got, want)
		}
	})
}
