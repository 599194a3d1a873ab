package records_test

import (
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestAVersionIsShownToWhomItBelonged(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		observation(t, all, "came", "Patient/q")
		observation(t, all, "came", "Patient/p")
		observation(t, all, "went", "Patient/p")
		observation(t, all, "went", "Patient/q")
		s := tokenSession(t, door, "patient/*.cruds")
		o := records.ReadOptions{}
		_, err := s.VRead(t.Context(), key("Observation/came"), "1", o)
		refused(t, err, fault.NotFound, "there is no Observation/came/_history/1")
		_, err = s.VRead(t.Context(), key("Observation/went"), "1", o)
		refused(t, err, fault.NotFound, "there is no Observation/went/_history/1")
		must(s.VRead(t.Context(), key("Observation/came"), "2", o))(t)
		h := must(s.History(t.Context(), records.HistoryRequest{Type: "Observation", ID: "came"}))(t)
		if len(h.Entries) != 1 || h.Entries[0].Version != 2 || h.Total != 1 {
			t.Errorf("%d of %d versions", len(h.Entries), h.Total)
		}
		h = must(s.History(t.Context(), records.HistoryRequest{Type: "Observation"}))(t)
		if len(h.Entries) != 1 || h.Entries[0].Version != 2 || h.Total != 1 {
			t.Errorf("%d of %d versions", len(h.Entries), h.Total)
		}
		if h = must(s.History(t.Context(), records.HistoryRequest{}))(t); len(h.Entries) != 2 || h.Total != 2 {
			t.Errorf("%d of %d versions of all", len(h.Entries), h.Total)
		}
		changes, _, _, err := s.Changes(t.Context(), 0, 100)
		if err != nil || len(changes) != 2 { // the patient, and what came
			t.Errorf("%d changes, %v", len(changes), err)
		}
	})
}

func TestADeleteIsToldToWhomeverCouldReadWhatWasDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		observation(t, all, "mine", "Patient/p")
		observation(t, all, "other", "Patient/q")
		for _, id := range []string{"mine", "other"} {
			must(all.Delete(t.Context(), key("Observation/"+id), records.DeleteOptions{}))(t)
		}
		s := tokenSession(t, door, "patient/*.cruds")
		_, err := s.Read(t.Context(), key("Observation/mine"), records.ReadOptions{})
		refused(t, err, fault.Gone)
		_, err = s.Read(t.Context(), key("Observation/other"), records.ReadOptions{})
		refused(t, err, fault.NotFound, "there is no Observation/other")
		h := must(s.History(t.Context(), records.HistoryRequest{Type: "Observation", ID: "mine"}))(t)
		if len(h.Entries) != 2 || h.Total != 2 || !h.Entries[0].Deleted {
			t.Errorf("%d of %d versions", len(h.Entries), h.Total)
		}
		// Neither is what was deleted taken over, nor its past shown.
		_, err = s.Update(t.Context(), key("Observation/other"), body(`{"resourceType":"Observation","id":"other","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`), records.UpdateOptions{})
		refused(t, err, fault.Forbidden)
		observation(t, s, "mine", "Patient/p")
	})
}

func TestTheTotalOfAHistoryIsLeftOutWhenTooManyVersionsWouldHaveToBeRead(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{KeepUnchanged: true})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		observation(t, all, "o", "Patient/q")
		s := tokenSession(t, door, "patient/Observation.rs")
		for n := range 1002 {
			observation(t, all, "o", "Patient/p")
			if n != 1 && n != 1001 {
				continue
			}
			want := map[int]int64{1: 2, 1001: -1}[n]
			for _, r := range []records.HistoryRequest{{Type: "Observation"}, {Type: "Observation", ID: "o"}, {}} {
				if h := must(s.History(t.Context(), r))(t); h.Total != want {
					t.Errorf("%+v: total %d after %d versions, not %d", r, h.Total, n+2, want)
				}
			}
		}
	})
}
