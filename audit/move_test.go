package audit

import (
	"errors"
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestALogThatIsMovedGoesOnAndProvesWhatItProved(t *testing.T) {
	b := newBench(t)
	for n := range 300 {
		b.record(seen(fmt.Sprintf("p%d %d", n%7, n)))
		if n%40 == 0 {
			b.seal()
		}
	}
	b.seal()
	kept, err := b.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Erase(t.Context(), 17); err != nil {
		t.Fatal(err)
	}
	b.record(seen("late 1"), seen("late 2")) // not numbered yet
	middle, err := postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := middle.Close(); err != nil {
			t.Error(err)
		}
	}()
	end, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := end.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range 2 { // the second time nothing is left to do
		if err := errors.Join(Move(t.Context(), b.store, middle), Move(t.Context(), middle, end)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "moved", problemsOf(t, end, Verification{Checkpoint: kept}))
	l, err := Open(t.Context(), Config{Store: end, Secret: plain{'k'}, Origin: "https://ehr.example/fhir"})
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.Find(t.Context(), Query{Patient: "Patient/late", Limit: 10})
	if err != nil || len(found.Events) != 2 || found.Events[0].Number != 300 {
		t.Errorf("what had no number: %+v, %v", found, err)
	}
	if e, err := l.Event(t.Context(), 17); err != nil || !e.Erased {
		t.Errorf("what was erased: %+v, %v", e, err)
	}
	if err := l.Record(t.Context(), seen("more 1")); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	expect(t, "gone on", problemsOf(t, end, Verification{Checkpoint: kept}))
	if signers, err := Signers(t.Context(), end); err != nil || len(signers) != 1 {
		t.Errorf("%d signers, %v", len(signers), err)
	}
	other := newBench(t)
	other.record(seen("maria 1"))
	other.seal()
	if err := Move(t.Context(), other.store, end); !errors.Is(err, ErrOther) {
		t.Errorf("to where there is another log: %v", err)
	}
}
