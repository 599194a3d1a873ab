package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
)

func TestOfTwoProcessesOneChangesAVersionOfAppState(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		made := &AppState{Code: "urn:app|settings", Subject: "https://ehr.example/fhir/Patient/1", Body: json.RawMessage(`{"n":0}`)}
		if err := a.CreateAppState(t.Context(), made); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		changed := 0
		var all sync.WaitGroup
		for n, h := range []house{a, b, a, b} {
			mine := *made
			mine.Body = json.RawMessage(fmt.Sprintf(`{"n":%d}`, n+1))
			all.Go(func() {
				err := h.UpdateAppState(t.Context(), &mine)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					changed++
				case !errors.Is(err, ErrPrecondition):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if changed != 1 {
			t.Errorf("%d changed one version", changed)
		}
		found, err := b.AppStates(t.Context(), made.Code, made.Subject)
		if err != nil || len(found) != 1 || found[0].Version != 2 {
			t.Errorf("%+v, %v", found, err)
		}
		if err := b.DeleteAppState(t.Context(), made); !errors.Is(err, ErrPrecondition) {
			t.Errorf("an old version is deleted: %v", err)
		}
		if err := b.DeleteAppState(t.Context(), found[0]); err != nil {
			t.Error(err)
		}
		if _, err := a.AppState(t.Context(), made.ID); !errors.Is(err, ErrPrecondition) {
			t.Errorf("what was deleted is there: %v", err)
		}
	})
}

func TestThereAreOnlySoManyAppStatesOfACodeAndSubject(t *testing.T) {
	h := openHouse(t, Config{})
	for range MaxAppStates {
		if err := h.CreateAppState(t.Context(), &AppState{Code: "urn:app|a", Body: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.CreateAppState(t.Context(), &AppState{Code: "urn:app|a", Body: json.RawMessage(`{}`)}); err == nil {
		t.Error("there is one more")
	}
	if err := h.CreateAppState(t.Context(), &AppState{Code: "urn:app|b", Body: json.RawMessage(`{}`)}); err != nil {
		t.Error(err)
	}
}
