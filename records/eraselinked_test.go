package records_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
)

// What is left is whole: nothing is without a value that it has to have.
func TestWhatLinksToSomethingErasedLosesTheLink(t *testing.T) {
	s := newDatabase(t, "sqlite").session(t, records.Policy{})
	working(t, s.Door())
	for _, p := range []string{"gone", "stays"} {
		patient(t, s, p)
		put(t, s, "Binary/"+p, `{"resourceType":"Binary","id":"%[1]s","contentType":"text/plain","securityContext":{"reference":"Patient/%[1]s"},"data":"c2VjcmV0"}`, p)
	}
	linking := map[string]string{
		"Task/t": `{"resourceType":"Task","id":"t",` +
			`"extension":[{"url":"urn:e","valueUrl":"Binary/gone"},{"url":"urn:f","extension":[{"url":"urn:g","valueUrl":"Binary/gone"}]},{"url":"urn:h","valueUrl":"Binary/stays"}],` +
			`"status":"draft","intent":"order","for":{"reference":"Patient/stays"},` +
			`"input":[{"type":{"text":"a"},"valueAttachment":{"url":"Binary/gone?_format=text/plain","title":"of gone"}},{"type":{"text":"b"},"valueReference":{"reference":"Binary/gone","display":"of gone"}}],` +
			`"output":[{"type":{"text":"c"},"valueUrl":"/fhir/Binary/gone"},{"type":{"text":"d"},"valueUri":"https://ehr.example/fhir/Binary/stays"}]}`,
		"QuestionnaireResponse/r": `{"resourceType":"QuestionnaireResponse","id":"r","status":"completed","subject":{"reference":"Patient/stays"},` +
			`"item":[{"linkId":"1","answer":[{"valueUri":"Binary/gone"}]},{"linkId":"2","answer":[{"valueUri":"Binary/gone"},{"valueUri":"Binary/stays"}]}]}`,
	}
	left := map[string]string{
		"Task/t": `"extension":[{"url":"urn:h","valueUrl":"Binary/stays"}],"status":"draft","intent":"order","for":{"reference":"Patient/stays"},` +
			`"input":[{"type":{"text":"a"},"valueAttachment":{"title":"erased"}},{"type":{"text":"b"},"valueReference":{"display":"erased"}}],` +
			`"output":[{"type":{"text":"d"},"valueUri":"https://ehr.example/fhir/Binary/stays"}]}`,
		"QuestionnaireResponse/r": `"subject":{"reference":"Patient/stays"},"item":[{"linkId":"1"},{"linkId":"2","answer":[{"valueUri":"Binary/stays"}]}]}`,
	}
	for name, body := range linking {
		put(t, s, name, "%s", body)
	}
	must(s.Erase(t.Context(), "gone", "asked by the patient"))(t)
	if e := erased(t, s, "gone"); e.Error != "" || e.Rewritten != 2 || len(e.Left) > 0 {
		t.Errorf("%+v", e)
	}
	for name, want := range left {
		got := must(s.Read(t.Context(), key(name), records.ReadOptions{}))(t).JSON
		if !strings.HasSuffix(string(got), want) {
			t.Errorf("%s\nis to end with %s", got, want)
		}
		put(t, s, name, "%s", got)
	}
}
