package search

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/spec/definitions"
)

// TestAddedParametersDoNotReachWhatIsMasked looks at parameters of clients, which may select
// whatever they like.
func TestAddedParametersDoNotReachWhatIsMasked(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	for _, c := range []struct {
		mask, definition string // kind, expression
		touches          bool
	}{
		{"Patient.name", "string Observation.subject.display", true},
		{"Patient.identifier", "token Observation.subject.identifier", true},
		{"Patient.identifier", "string Observation.subject.identifier.value", true},
		{"Patient.name", "string Observation.subject", true},
		{"Patient.name", "string Observation.extension('urn:x')", true},
		{"Patient.name", "reference Observation.subject.where(display='Adam')", true},
		{"Patient.name", "token Observation.where(subject.display='Adam').status", true},
		{"Patient.name", "token Observation.status.combine(subject.display)", true},
		{"Patient.address", "string Observation.contained.address", true},
		{"Patient.address", "string Observation.descendants().ofType(Address)", true},
		{"Patient.address", "string Patient.gender.combine(address.city)", true},
		{"Patient.name", "token Observation.status", false},
		{"Patient.name", "string Observation.code.coding.display", false},
		{"Patient.name", "token Device.identifier", false},
		{"Patient.name", "token Observation.extension('urn:x').value", false},
		{"Patient.name", "reference Observation.subject", false}, // what it refers to stays
		{"Patient.address", "string Observation.subject.display", false},
	} {
		kind, expression, _ := strings.Cut(c.definition, " ")
		base := firstName(expression)
		catalog := newCatalog(d, "", false).With([]definitions.SearchParameter{{URL: "urn:added", Code: "added", Type: definitions.SearchType(kind), Base: []string{base}, Targets: []string{"Device"}, Expression: expression}})
		for _, typeName := range []string{base, System} {
			if got := catalog.Touches(Param{Type: typeName, Code: "added"}, []mask.Path{mask.Path(c.mask)}); got != c.touches {
				t.Errorf("%s is masked: %s, asked of %s, touches it: %v", c.mask, c.definition, typeName, got)
			}
		}
		if kind == "reference" && !catalog.Touches(Param{Type: base, Code: "added" + byDisplay}, []mask.Path{mask.Path(c.mask)}) {
			t.Errorf("%s is masked: the targets that %s declares are believed", c.mask, c.definition)
		}
		if touches := catalog.Touches(Param{Type: base, Code: "added"}, nil); touches {
			t.Errorf("nothing is masked: %s touches it", c.definition)
		}
	}
}

func TestPartsOfReferencesOverSeveralTypesAreToldByWhatTheyReferTo(t *testing.T) {
	catalog := newCatalog(definitions.MustBuiltIn(definitions.R4), "", false)
	for code, touches := range map[string]bool{"encounter:display": false, "subject:display": true, "unknown:display": true} {
		if got := catalog.Touches(Param{Type: System, Code: code}, []mask.Path{"Patient.name"}); got != touches {
			t.Errorf("%s: %v", code, got)
		}
	}
}
