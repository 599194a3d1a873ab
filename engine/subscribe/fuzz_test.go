package subscribe_test

import (
	"encoding/json"
	"testing"

	"github.com/inglehealth/ingle/engine/subscribe"
)

// FuzzRead reads topics of any form and compiles them: that ends, with criteria or with
// an error.
func FuzzRead(f *testing.F) {
	for _, t := range subscribe.BuiltIn() {
		body, err := json.Marshal(map[string]any{"resourceType": "SubscriptionTopic", "url": t.URL, "status": "active",
			"resourceTrigger": []any{map[string]any{"resource": t.Triggers[0].Resource, "queryCriteria": map[string]any{"current": "_id=1"}, "fhirPathCriteria": "%current.id = '1'"}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, "Encounter?patient=Patient/1")
	}
	f.Add([]byte(`{"resourceType":"Basic","extension":[{"url":"http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger","extension":[{"url":"a","valueCode":"b"}]}]}`), "?patient=1")
	f.Fuzz(func(t *testing.T, body []byte, criteria string) {
		topic, ok, err := subscribe.Read(body)
		if ok && err == nil {
			if c, err := topic.Compile([]string{criteria}, catalogs); (c == nil) == (err == nil) {
				t.Error("neither criteria nor an error")
			}
		}
		if c, err := subscribe.Plain(criteria, catalogs); err == nil {
			set := subscribe.NewSet()
			set.Put("one", c)
			set.Remove("one")
			if set.Len() != 0 || set.Watches("Observation") {
				t.Error("a set keeps what was removed")
			}
		}
	})
}
