package records_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// snapshot lists what a walk yields, as "Patient/1/_history/2".
func snapshot(t *testing.T, s *records.Session, r records.SnapshotRequest) string {
	t.Helper()
	var list []string
	for c, err := range s.Snapshot(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c.Key.String()+"."+string(rune('0'+c.Version)))
	}
	return strings.Join(list, " ")
}

func TestASnapshotShowsAPlaceInTheFeedWhateverIsWrittenLater(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{Expunge: true})
		s := door.Session(records.Principal{}, nil)
		for _, id := range []string{"kept", "changed", "deleted", "gone", "back"} {
			patient(t, s, id)
		}
		put(t, s, "Patient/kept", `{"resourceType":"Patient","id":"kept","active":true}`)
		must(s.Delete(t.Context(), key("Patient/gone"), records.DeleteOptions{}))(t)
		must(s.Delete(t.Context(), key("Patient/back"), records.DeleteOptions{}))(t)
		observation(t, s, "o", "Patient/kept")
		at := must(door.LastSeq(t.Context()))(t)
		const want = "Patient/changed.1 Patient/deleted.1 Patient/kept.2 Observation/o.1"
		if got := snapshot(t, s, records.SnapshotRequest{At: at}); got != want {
			t.Errorf("before: %s", got)
		}
		put(t, s, "Patient/changed", `{"resourceType":"Patient","id":"changed","active":true}`)
		put(t, s, "Patient/changed", `{"resourceType":"Patient","id":"changed","active":false}`)
		must(s.Delete(t.Context(), key("Patient/deleted"), records.DeleteOptions{}))(t)
		put(t, s, "Patient/back", `{"resourceType":"Patient","id":"back"}`)
		patient(t, s, "new")
		if got := snapshot(t, s, records.SnapshotRequest{At: at}); got != want {
			t.Errorf("after: %s", got)
		}
		if got := snapshot(t, s, records.SnapshotRequest{At: at, Types: []fhir.Type{"Observation"}}); got != "Observation/o.1" {
			t.Errorf("one type: %s", got)
		}
		if got := snapshot(t, s, records.SnapshotRequest{At: at, Since: time.Now().Add(time.Hour)}); got != "" {
			t.Errorf("of the future: %s", got)
		}
		filter := must(door.Catalog("").CompartmentFilter("Patient", "kept", ""))(t)
		if got := snapshot(t, door.Session(records.Principal{}, only{filter}), records.SnapshotRequest{At: at}); got != "Patient/kept.2 Observation/o.1" {
			t.Errorf("what a session sees: %s", got)
		}
		must(s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Patient/kept"), OldVersions: true}))(t)
		now := must(door.LastSeq(t.Context()))(t)
		if got := snapshot(t, s, records.SnapshotRequest{At: now}); got != "Patient/kept.2 Observation/o.1 Patient/changed.3 Patient/back.3 Patient/new.1" {
			t.Errorf("now: %s", got)
		}
	})
}

func TestASnapshotGoesOnWhereItStopped(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		s := door.Session(records.Principal{}, nil)
		for range 3 {
			for _, id := range strings.Fields("a b c d e f g") {
				put(t, s, "Patient/"+id, `{"resourceType":"Patient","id":%q,"language":%q}`, id, time.Now().String())
			}
		}
		at := must(door.LastSeq(t.Context()))(t)
		whole := strings.Fields(snapshot(t, s, records.SnapshotRequest{At: at}))
		var parts []string
		for after := records.Seq(0); ; {
			n := len(parts)
			ctx, cancel := context.WithCancel(t.Context())
			for c, err := range s.Snapshot(ctx, records.SnapshotRequest{At: at, After: after}) {
				if err != nil {
					t.Fatal(err)
				}
				parts = append(parts, c.Key.String()+"."+string(rune('0'+c.Version)))
				after = c.Seq
				break
			}
			cancel()
			if len(parts) == n {
				break
			}
		}
		if !slices.Equal(parts, whole) || len(whole) != 7 {
			t.Errorf("in parts %v, as a whole %v", parts, whole)
		}
	})
}
