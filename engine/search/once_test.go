package search

import (
	"strings"
	"testing"
)

func TestDefinitionsTellWhichDatesAResourceHasOnce(t *testing.T) {
	c := r4(t)
	for name, want := range map[string]bool{
		"Observation.date": true, "Encounter.date": true, "Condition.onset-date": true, "Immunization.date": true, "Patient.birthdate": true,
		"Patient.death-date": true, "Procedure.date": true,
		// Several, or further inside, where something repeats.
		"Goal.target-date": false, "AuditEvent.date": true, "ServiceRequest.occurrence": true, "CarePlan.activity-date": false,
		"Schedule.date": true, "Slot.start": true, "Medication.expiration-date": false, "Observation.code": false, "Observation._lastUpdated": false,
	} {
		typeName, code, _ := strings.Cut(name, ".")
		if p, ok := c.Param(typeName, code); !ok || p.Once != want {
			t.Errorf("%s: %v (%v), want %v", name, p.Once, ok, want)
		}
	}
	if p := c.Over([]string{"Observation", "Encounter"}, "date"); p.Once {
		t.Error("a parameter of several types is said to have one value")
	}
}
