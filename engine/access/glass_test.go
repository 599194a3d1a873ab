package access_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// emergency is the clinic with what belongs to both patients, where both deny
// treatment.
func emergency(t *testing.T) *world {
	return newWorld(t, append([]string{
		resource("Appointment", "both", `"status":"proposed","participant":[{"actor":{"reference":"Patient/p"}},{"actor":{"reference":"Patient/q"}}]`),
		resource("Appointment", "of-p", `"status":"proposed","participant":[{"actor":{"reference":"Patient/p"}},{"actor":{"reference":"Practitioner/dr"}}]`),
	}, clinic...)...)
}

func denies(patient, purposeCode string) string {
	return consent(patient, 1, `"provision":{"type":"permit","provision":[{"type":"deny",`+purpose(purposeCode)+`}]}`)
}

// breaking are the rules of who broke the glass for patients, with a role and scopes.
func (w *world) breaking(role access.Role, scopes string, consents []string, patients ...fhir.ID) *access.Rules {
	g := grant(scopes)
	g.Asker = access.Asker{Actors: []string{"Practitioner/dr"}, Purpose: role.Purposes[0], Roles: []access.Role{role}}
	g.Broken = patients
	return w.o.RulesUnder(w.book(consents...), g)
}

func TestBrokenGlassShowsTheRecordOfOnePatient(t *testing.T) {
	denied := []string{denies("p", "TREAT"), denies("q", "TREAT")}
	const nobodys = "Practitioner/dr"
	const broken = nobodys + " Condition/sud Appointment/of-p " + allOfP
	for name, c := range map[string]struct {
		role     string
		scopes   string
		consents []string
		patients []fhir.ID
		want     string
	}{
		"whole":                       {"practitioner", "user/*.cruds", denied, nil, nobodys},
		"broken":                      {"practitioner", "user/*.cruds", denied, []fhir.ID{"p"}, broken},
		"broken for both":             {"nurse", "user/*.cruds", denied, []fhir.ID{"p", "q"}, broken + " Patient/q Observation/other Provenance/of-other"},
		"by a role that may not":      {"front-desk", "user/*.cruds", denied, []fhir.ID{"p"}, nobodys + " Appointment/both Appointment/of-p Encounter/e Patient/p Patient/q"},
		"a denial of BTG holds":       {"practitioner", "user/*.cruds", []string{denies("p", "BTG"), denies("q", "TREAT")}, []fhir.ID{"p"}, nobodys + " Appointment/of-p " + allOfP},
		"a denial of both":            {"practitioner", "user/*.cruds", []string{consent("p", 1, `"provision":{"type":"deny"}`)}, []fhir.ID{"p"}, allOfQ},
		"only what the scope is for":  {"practitioner", "user/Condition.rs", denied, []fhir.ID{"p"}, "Condition/sud Condition/c"},
		"scopes of the same patient":  {"practitioner", "patient/Condition.rs", denied, []fhir.ID{"p"}, "Condition/sud Condition/c"},
		"scopes of another patient":   {"practitioner", "patient/*.rs", denied, []fhir.ID{"q"}, nobodys},
		"nobody has decided anything": {"practitioner", "user/*.cruds", nil, []fhir.ID{"p"}, allOfP + " " + allOfQ + " Appointment/both Appointment/of-p Condition/sud"},
	} {
		t.Run(name, func(t *testing.T) {
			w := emergency(t)
			r := w.breaking(shipped(t, c.role), c.scopes, c.consents, c.patients...)
			got := w.visible(r, "2024-06-01")
			if order(got) != order(c.want) {
				t.Errorf("%s\nwant %s", order(got), order(c.want))
			}
			w.explains(r, "2024-06-01", got)
			for _, d := range w.docs {
				if w.find(atTime(r.Filter([]string{string(d.Key.Type)}, smart.Read), 0), d) && !r.May(d.Key.Type, smart.Read) {
					t.Errorf("%s is shown, but its type is not allowed", d.Key)
				}
			}
		})
	}
}

func TestBrokenGlassIsNamedAmongTheGrounds(t *testing.T) {
	w := emergency(t)
	r := w.breaking(shipped(t, "practitioner"), "user/*.cruds", []string{denies("p", "TREAT"), consent("q", 1, `"provision":{"type":"deny"}`)}, "p", "q")
	said := func(key string) string {
		for _, d := range w.docs {
			if d.Key.String() == key {
				_, grounds := w.why(r, "2024-06-01", d)
				return grounds[len(grounds)-1].Text
			}
		}
		return ""
	}
	if got := said("Condition/c"); got != "The user broke the glass for Patient/p: the purpose BTG shows it." {
		t.Error(got)
	}
	if got := said("Observation/other"); got != "Although the glass is broken for Patient/q: Consent/c1 of 1 May 2024 denies it: Consent.provision." {
		t.Error(got)
	}
	if got := strings.Join(r.InForce(false), " "); !strings.Contains(got, "The glass is broken for Patient/p: the purpose there is BTG.") {
		t.Error(got)
	}
	x := r.Filter([]string{"Condition"}, smart.Update)
	if !w.find(search.At(x, 1), w.docs[len(w.docs)-3]) {
		t.Error("who broke the glass cannot write down what was done")
	}
}
