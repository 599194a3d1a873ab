package records_test

import (
	"bytes"
	"testing"

	"github.com/inglehealth/ingle/records"
)

// What the site lets in, up to what ingle serve takes for --max-body, no other bound stops.
func TestAResourceOfMoreThan256MiBIsStored(t *testing.T) {
	s := newDatabase(t, "sqlite").session(t, records.Policy{})
	large := append(bytes.Repeat([]byte(" "), 257<<20), `{"resourceType":"Patient","id":"p"}`...)
	if _, err := s.Update(t.Context(), key("Patient/p"), records.Content{JSON: large}, records.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
