package audit

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
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
	hidden := &Event{Kind: Read, Status: 404, Target: "Observation/1", Hidden: Hidden{Key: "Observation/1", By: []string{"Consent/c", "label"}, Patients: []string{"Patient/maria"}}}
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

func TestWhatWasHiddenIsFoundByItsPatientForWhoReadsTheWholeLogAndErased(t *testing.T) {
	b := newBench(t)
	hidden := func(of ...string) *Event {
		return &Event{Kind: Read, Status: 404, Target: "Observation/1", Hidden: Hidden{Key: "Observation/1", By: []string{"Consent/c"}, Patients: of}}
	}
	gone := &Event{Kind: Read, Status: 410, Target: "Patient/maria", Note: "it is not there", Hidden: Hidden{Patients: []string{"Patient/maria"}}}
	b.record(seen("maria 1"), hidden("Patient/maria"), hidden("Patient/maria", "Patient/walter"), gone)
	b.seal()
	found := func(whole bool, patient string) (numbers []int64) {
		t.Helper()
		s, err := ParseSearch([]search.Pair{{Name: "patient", Value: patient}, {Name: "_sort", Value: "date"}}, base)
		if err != nil {
			t.Fatal(err)
		}
		if whole {
			s.Whole()
		}
		page, _, err := b.Page(t.Context(), s, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page {
			numbers = append(numbers, p.Number)
			text, err := p.FHIR(base, p.Patient)
			if err != nil || !strings.Contains(string(text), `"reference":"Patient/`+patient+`"`) {
				t.Errorf("%s, %v", text, err)
			}
		}
		return numbers
	}
	if diff := cmp.Diff([]int64{0, 1, 2, 3}, found(true, "maria")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{0}, found(false, "maria")); diff != "" {
		t.Error(diff)
	}
	if err := b.Erase(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := ErasePatient(t.Context(), b.store, 2, "Patient/maria"); err != nil {
		t.Fatal(err)
	}
	if err := ErasePatient(t.Context(), b.store, 3, "Patient/walter"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an event that does not tell of walter: %v", err)
	}
	if diff := cmp.Diff([]int64{0, 3}, found(true, "maria")); diff != "" {
		t.Error(diff)
	}
	if e, err := b.Event(t.Context(), 2); err != nil || e.Hidden.Key != "" || e.Hidden.Patients != nil || e.Target != "Observation/1" {
		t.Errorf("%+v, %v", e, err)
	}
	expect(t, "a log with what was hidden, and erased", b.problems(Verification{}))
}
