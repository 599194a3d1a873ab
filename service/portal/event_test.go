package portal_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/audit"
)

func TestARefusalByALimitIsToldInWords(t *testing.T) {
	p := newPlace(t)
	refused := &audit.Event{Kind: audit.Read, Status: 429, Why: []string{"throttled"}, Agent: audit.Agent{Client: "busy"}, Patients: []audit.Patient{{Key: "Patient/ann"}}}
	if err := p.Door.Audit().Record(t.Context(), refused); err != nil {
		t.Fatal(err)
	}
	ann := p.visit("ann")
	_, rest, ok := strings.Cut(ann.get("/portal/ann/looked?refused=1").want(200).Body, `href="/portal/ann/looked/log.`)
	if !ok {
		t.Fatal("no refusal is listed")
	}
	id, _, _ := strings.Cut(rest, `"`)
	ann.get("/portal/ann/looked/log." + id).want(200).has("Refused: it asked for more than it may at a time").lacks("throttled")
}
