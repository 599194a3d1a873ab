package access_test

import (
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestAConsentCountsFromItsBeginningToItsEndWhateverWasAskedBefore(t *testing.T) {
	w := newWorld(t)
	r := w.under("TREAT", consent("p", 1, `"provision":{"type":"permit","period":{"start":"2020-01-01","end":"2020-12-31"},"class":[`+code("http://hl7.org/fhir/resource-types", "Encounter")+`],
		"provision":[{"type":"deny","period":{"start":"2020-03-01","end":"2020-03-31"},"class":[`+code("http://hl7.org/fhir/resource-types", "Encounter")+`]}]}`))
	counts := func(r *access.Rules, date string, i smart.Interactions, types ...fhir.Type) bool {
		at, ok := search.ParseTime(date)
		if !ok {
			t.Fatal(date)
		}
		return len(r.Counting(w.consents["p"], types, i, at.Lo)) > 0
	}
	for range 2 { // the second time of what is remembered
		for _, date := range []string{"2019-06-01", "2020-02-01", "2020-03-10", "2020-06-01", "2021-01-01"} {
			within := date > "2020" && date < "2021"
			for _, of := range []struct {
				types []fhir.Type
				want  bool
			}{{[]fhir.Type{"Encounter"}, within}, {[]fhir.Type{"Observation"}, false}, {[]fhir.Type{"Observation", "Encounter"}, within}} {
				if got := counts(r, date, smart.Read, of.types...); got != of.want {
					t.Errorf("%s, %s: it counts %v", date, of.types, got)
				}
			}
		}
	}
}

func TestWhetherAConsentCountsIsRememberedForReadingAndForWriting(t *testing.T) {
	w := newWorld(t)
	r := w.under("TREAT", consent("p", 1, `"provision":{"type":"permit","provision":[{"type":"deny","action":[{"coding":[`+code("http://terminology.hl7.org/CodeSystem/consentaction", "collect")+`]}]}]}`),
		consent("q", 2, `"provision":{"type":"deny","action":[{"coding":[`+code("http://terminology.hl7.org/CodeSystem/consentaction", "collect")+`]}]}`))
	for range 2 {
		for i, want := range map[smart.Interactions]string{smart.Read: "1 0", smart.Update: "1 1"} {
			got := fmt.Sprint(len(r.Counting(w.consents["p"], []fhir.Type{"Observation"}, i, 0)), " ", len(r.Counting(w.consents["q"], []fhir.Type{"Observation"}, i, 0)))
			if got != want {
				t.Errorf("%v: %s, want %s", i, got, want)
			}
		}
	}
}

func TestReasonsAreTheScopesThenTheRulesOfRolesOfATypeAndAnInteraction(t *testing.T) {
	w := newWorld(t)
	g := grant("user/Observation.rs user/*.c")
	for _, role := range access.ShippedRoles() {
		if role.Name == "nurse" {
			g.Asker.Roles = append(g.Asker.Roles, role)
		}
	}
	r := w.o.RulesUnder(nil, g)
	for range 2 {
		for of, want := range map[string]string{"Observation": "[user/Observation.rs role nurse rules[0]]", "Condition": "[role nurse rules[0]]"} {
			if got := fmt.Sprint(r.Reasons(fhir.Type(of), smart.Read)); got != want {
				t.Errorf("%s: %s, want %s", of, got, want)
			}
		}
	}
	if got := fmt.Sprint(r.Reasons("Observation", smart.Create)); got != "[user/*.c role nurse rules[0]]" {
		t.Errorf("to create: %s", got)
	}
}
