package notify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/validate"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func admission(content notify.Content) notify.Notification {
	at := time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)
	return notify.Notification{
		ID: "2f1c1b9e-7c4e-4d0a-9f7a-3a0e5f3c9a11", Base: "https://ehr.example/fhir", Subscription: "adm", Topic: "https://ehr.example/topic", Status: "active",
		Kind: notify.OfEvents, Content: content, At: at, Total: 8, Errors: []string{"the former one was not taken"},
		Events: []notify.Event{
			{Number: 7, Focus: fhir.Key{Type: "Encounter", ID: "e"}, Version: 1, At: at, Interaction: notify.Create,
				JSON:    json.RawMessage(`{"resourceType":"Encounter","id":"e","status":"in-progress","class":{"code":"IMP"}}`),
				Context: []notify.Resource{{Key: fhir.Key{Type: "Patient", ID: "p"}, JSON: json.RawMessage(`{"resourceType":"Patient","id":"p"}`)}}},
			{Number: 8, Focus: fhir.Key{Type: "Encounter", ID: "f"}, Version: 3, At: at, Interaction: notify.Delete},
		},
	}
}

// TestANotificationIsABundleOfTheGuide reads the Bundle as any R4 resource is read,
// and validates it by the base definitions.
func TestANotificationIsABundleOfTheGuide(t *testing.T) {
	defs := definitions.MustBuiltIn(definitions.R4)
	for content, want := range map[notify.Content]struct{ entries, resources, focuses int }{
		notify.Empty: {1, 1, 0}, notify.IDOnly: {4, 1, 2}, notify.FullResource: {4, 3, 2},
	} {
		n := admission(content)
		body, err := n.Bundle()
		if err != nil {
			t.Fatal(err)
		}
		if content != notify.FullResource {
			if bytes.Contains(body, []byte("in-progress")) {
				t.Errorf("%s carries content: %s", content, body)
			}
		}
		tree, err := fhir.ParseJSON(defs, body, fhir.Limits{MaxBytes: 1 << 20, MaxNodes: 1 << 20})
		if err != nil {
			t.Fatalf("%s: %v\n%s", content, err, body)
		}
		if issues := validate.New(defs, validate.Options{}).Check(t.Context(), tree); len(issues) > 0 {
			t.Errorf("%s: %v\n%s", content, issues, body)
		}
		var entries, resources, focuses int
		for e := range tree.Root().All("entry") {
			entries++
			if !e.Child("resource").IsZero() {
				resources++
			}
		}
		status := tree.Root().Child("entry").Child("resource")
		numbers := ""
		for p := range status.All("parameter") {
			for part := range p.All("part") {
				switch part.Child("name").Text() {
				case "focus":
					focuses++
				case "event-number":
					numbers += part.Child("valueString").Text() + part.Child("value").Text() + " "
				}
			}
		}
		if entries != want.entries || resources != want.resources || focuses != want.focuses || numbers != "7 8 " {
			t.Errorf("%s: %d entries, %d resources, %d focuses, numbers %s\n%s", content, entries, resources, focuses, numbers, body)
		}
	}
}

func TestResourcesOfANotificationAreAsTheyAreStored(t *testing.T) {
	for _, stored := range []string{
		`{"resourceType":"Encounter","id":"e","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">5 &lt; 6</div>"},"status":"planned"}`,
		`{"resourceType":"Encounter","id":"e","status":"planned","length":{"value":1.50}}`,
	} {
		n := admission(notify.FullResource)
		n.Events[0].JSON, n.Events[0].Context[0].JSON = json.RawMessage(stored), json.RawMessage(strings.Replace(stored, "Encounter", "Patient", 1))
		text, err := n.Bundle()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []json.RawMessage{n.Events[0].JSON, n.Events[0].Context[0].JSON} {
			if !bytes.Contains(text, want) {
				t.Errorf("%s is not in %s", want, text)
			}
		}
	}
}

func TestAPermanentErrorIsToldApart(t *testing.T) {
	gone := errors.New("410")
	if err := fmt.Errorf("send: %w", notify.Permanent(gone)); !notify.IsPermanent(err) || !errors.Is(err, gone) {
		t.Error(err)
	}
	if notify.IsPermanent(gone) || notify.Permanent(nil) != nil {
		t.Error("a plain error is permanent")
	}
}
