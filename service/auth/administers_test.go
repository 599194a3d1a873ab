package auth_test

import (
	"strings"
	"testing"
)

func TestAdministratorsKeepRecordsOverHTTP(t *testing.T) {
	p := surgery(t)
	root := p.access("root", "user/*.cruds")
	reason := `{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"Example v. Example"}]}`
	p.write("POST", "Patient/ann/$hold", root, reason).want(200).has("Patient/ann")
	p.fhir("$holds", root).want(200).has("Example v. Example")
	p.write("POST", "Patient/ann/$lift-hold", root, `{"resourceType":"Parameters"}`).want(200)
	p.write("POST", "$retention-set", root, `{"resourceType":"Parameters","parameter":[{"name":"rules","valueString":"[{\"name\":\"old\",\"type\":\"Observation\",\"days\":3650}]"}]}`).want(200)
	p.fhir("$retention", root).want(200).has("3650")
	p.fhir("Consent/$unclear", root).want(200)
	if a := p.fhir("Observation/of-bob", root); a.status == 200 {
		t.Errorf("an administrator reads records: %s", a.body)
	}
	var recorded []string
	for _, e := range p.events(0) {
		if e.Agent.Login == "root" && strings.Contains(e.Target, "$") {
			recorded = append(recorded, e.Target)
		}
	}
	if got := strings.Join(recorded, " "); !strings.HasPrefix(got, "Patient/ann/$hold $holds Patient/ann/$lift-hold $retention-set $retention ") {
		t.Error(got)
	}
	for login, scope := range map[string]string{"root": "user/Observation.cruds", "noor": "user/*.cruds", "ann": "patient/*.rs"} {
		p.fhir("$retention", p.access(login, scope)).want(403)
	}
}
