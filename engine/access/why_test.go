package access_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// why asks why a resource is shown, or hidden, at a time.
func (w *world) why(r *access.Rules, at string, d *search.Document) (bool, []access.Ground) {
	w.t.Helper()
	t, _ := search.ParseTime(at)
	q := access.Question{Key: d.Key, At: t.Lo, Patients: w.o.Patients(d), Holds: func(_ context.Context, x search.Expr) (bool, error) { return w.find(x, d), nil }}
	for _, patient := range w.o.Patients(d) {
		q.Consents = append(q.Consents, w.consents[patient]...)
	}
	shown, grounds, err := r.Why(w.t.Context(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	return shown, grounds
}

// explains checks that what is given as grounds comes to what is visible, and that
// each has a sentence.
func (w *world) explains(r *access.Rules, at, visible string) {
	w.t.Helper()
	for _, d := range w.docs {
		shown, grounds := w.why(r, at, d)
		if want := slices.Contains(strings.Fields(visible), d.Key.String()); shown != want {
			w.t.Errorf("%s is visible: %v, explained: %v by %v", d.Key, want, shown, grounds)
		}
		if !shown && !slices.ContainsFunc(grounds, func(g access.Ground) bool { return !g.Shows }) {
			w.t.Errorf("%s is hidden without a ground: %v", d.Key, grounds)
		}
		for _, g := range grounds {
			if !strings.HasSuffix(g.Text, ".") || strings.Contains(g.Text, "%!") {
				w.t.Errorf("%s: no sentence: %q", d.Key, g.Text)
			}
		}
	}
}

func TestGroundsNameTheScopeTheRoleAndTheProvision(t *testing.T) {
	w := newWorld(t, clinic...)
	r := w.under("TREAT",
		consent("p", 1, `"provision":{"type":"permit","provision":[{"type":"deny",`+label("HIV")+`},{"type":"deny",`+actor("Practitioner/x")+`}]}`),
		consent("p", 2, `"provision":{"type":"permit","class":[`+code("http://hl7.org/fhir/resource-types", "Condition")+`]}`),
	)
	for _, c := range []struct {
		key  string
		want []string
	}{
		{"Observation/hiv", []string{"The scope user/*.cruds allows reading Observation.", "Consent/c1 of 1 May 2024 denies it: Consent.provision.provision[0]."}},
		{"Observation/lab", []string{"The scope user/*.cruds allows reading Observation.", "Consent/c1 of 1 May 2024 permits it: Consent.provision."}},
		{"Condition/c", []string{
			"The scope user/*.cruds allows reading Condition.", "Consent/c2 of 1 May 2024 permits it: Consent.provision.", "Consent/c1 of 1 May 2024 permits it at Consent.provision, but a newer consent prevails.",
		}},
		{"Condition/sud", []string{
			"The scope user/*.cruds allows reading Condition.", "Consent/c2 of 1 May 2024 permits it: Consent.provision.", "Consent/c1 of 1 May 2024 permits it at Consent.provision, but a newer consent prevails.",
			"It has the sensitive label ETH: that is hidden unless a consent shows it by the label, or the role sees it.",
		}},
		{"Observation/other", []string{"The scope user/*.cruds allows reading Observation.", "No consent decides about it: for the purpose TREAT data is shown by default."}},
		{"Practitioner/dr", []string{"The scope user/*.cruds allows reading Practitioner.", "It belongs to no patient who could decide about it."}},
	} {
		i := slices.IndexFunc(w.docs, func(d *search.Document) bool { return d.Key.String() == c.key })
		_, grounds := w.why(r, "2024-06-01", w.docs[i])
		var got []string
		for _, g := range grounds {
			got = append(got, g.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q\nwant %q", c.key, got, c.want)
		}
	}
	for counted, want := range map[bool]string{true: "1 policies of patients concern", false: "what patients decided counts for"} {
		if got := strings.Join(r.InForce(counted), " "); got != "Scopes: user/*.cruds. The patient in context is Patient/p. Consents: "+want+" the asker, whose purpose is TREAT. Where none decides, data is shown." {
			t.Error(got)
		}
	}
}

func TestGroundsSayWhatNoScopeOrRoleReaches(t *testing.T) {
	w := newWorld(t, clinic...)
	g := grant("patient/Observation.rs?category=laboratory patient/Condition.rs")
	g.Asker = access.Asker{Purpose: "HOPERAT", Roles: []access.Role{shipped(t, "front-desk")}}
	r := w.o.RulesUnder(access.NewBook(access.Shipped()), g)
	for key, want := range map[string]string{
		"Observation/lab":   "The scope patient/Observation.rs?category=laboratory allows reading Observation that belongs to Patient/p with category=laboratory, which this is not.",
		"Condition/c":       "The role front-desk has no rule that allows reading Condition for the purpose HOPERAT.",
		"Practitioner/dr":   "No scope allows reading Practitioner.",
		"Observation/other": "The scope patient/Observation.rs?category=laboratory allows reading Observation that belongs to Patient/p with category=laboratory, which this is not.",
	} {
		typ, id, _ := strings.Cut(key, "/")
		i := slices.IndexFunc(w.docs, func(d *search.Document) bool { return d.Key == fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)} })
		shown, grounds := w.why(r, "2024-06-01", w.docs[i])
		if shown || !slices.ContainsFunc(grounds, func(g access.Ground) bool { return g.Text == want && !g.Shows }) {
			t.Errorf("%s: %v %v", key, shown, grounds)
		}
	}
}
