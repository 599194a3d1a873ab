package audit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decided is seen with the Consents that counted.
func decided(patients ...string) *Event {
	e := seen(patients...)
	e.Why = append(e.Why, "role nurse rules[0]")
	for i := range e.Patients {
		e.Consents = append(e.Consents, Counted{e.Patients[i].Key, "Consent/of-" + strings.TrimPrefix(e.Patients[i].Key, "Patient/"), 3})
	}
	return e
}

func TestTheGroundsOfAnEventAreKeptAndProvenForWhoReadsTheWholeLog(t *testing.T) {
	b := newBench(t)
	hidden := &Event{Kind: Read, Status: 404, Target: "Observation/1", Hidden: Hidden{Key: "Observation/1", By: []string{"Consent/c", "label"}}}
	b.record(decided("maria 1", "walter 2"), decided("maria 1"), hidden, seen("maria 1"))
	b.seal()
	for i, want := range []*Event{decided("maria 1", "walter 2"), decided("maria 1"), hidden, seen("maria 1")} {
		e, err := b.Event(t.Context(), int64(i))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{want.Consents, want.Hidden, len(want.Patients)}, []any{e.Consents, e.Hidden, len(e.Patients)}); diff != "" {
			t.Error(diff)
		}
		for patient := -1; patient < len(want.Patients); patient++ {
			proof, err := b.Prove(t.Context(), int64(i), patient)
			if err != nil {
				t.Fatal(err)
			}
			shown, err := CheckProof(proof, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tells := strings.Contains(string(proof), "Consent/"); tells != (patient < 0 && i < 3) || len(shown.Consents) > 0 && patient >= 0 {
				t.Errorf("the proof of event %d for patient %d: %s", i, patient, proof)
			}
			if one := patient >= 0 && len(want.Patients) == 1; one && !strings.Contains(string(proof), "code=1234-5") {
				t.Errorf("the proof of event %d does not tell its one patient what was asked: %s", i, proof)
			}
		}
		if _, err := b.Prove(t.Context(), int64(i), len(want.Patients)); err == nil {
			t.Errorf("event %d was proven for a patient that it does not have", i)
		}
	}
	expect(t, "a log with grounds", b.problems(Verification{}))
}

func TestWhoIsErasedFromAnEventGoesFromItsGrounds(t *testing.T) {
	b := newBench(t)
	b.record(decided("maria 1", "walter 2"))
	b.seal()
	if err := ErasePatient(t.Context(), b.store, 0, "Patient/walter"); err != nil {
		t.Fatal(err)
	}
	e, err := b.Event(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Consents) > 0 || e.Patients[0].Key != "Patient/maria" || e.Patients[1].Key != "" {
		t.Errorf("%+v", e)
	}
	if _, err := e.FHIR(base, 0); err != nil {
		t.Error(err)
	}
	expect(t, "a log with an erased patient", b.problems(Verification{}))
	proof, err := b.Prove(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CheckProof(proof, nil); err != nil {
		t.Error(err)
	}
}
