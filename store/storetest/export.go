package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var walkCases = []testCase{
	{"a walk gives resources as they were at a place in the feed", walksBack},
	{"a walk tells owners and targets, and asks its filter of what has not changed", walksOwned},
	{"a walk gives what was deleted, and what was written in a stretch of time", walksDeleted},
	{"pages of a walk end by their resources and by their bytes", walksInPages},
}

// walk follows a walk to its end and gives what it found, with the languages of the
// bodies.
func (b bench) walk(t *testing.T, q store.WalkQuery) string {
	t.Helper()
	var found []string
	for {
		page, err := b.Walk(b.ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			text := string(item.Key.ID)
			if _, mark, ok := strings.Cut(string(item.Body), `"language":"`); ok {
				text += "=" + strings.TrimSuffix(mark, `"}`)
			}
			if item.Changed {
				text += "*"
			}
			if item.Owners != nil {
				text += fmt.Sprint(item.Owners)
			}
			found = append(found, text)
		}
		if page.End {
			return strings.Join(found, " ")
		}
		if page.Next <= q.After {
			t.Fatalf("the walk does not get on from %d: %+v", q.After, page)
		}
		q.After = page.Next
	}
}

func (b bench) lastSeq(t *testing.T) store.Seq {
	t.Helper()
	at, err := b.LastSeq(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func walksBack(t *testing.T, b bench) {
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		b.write(t, b.put("Observation/"+id, 0, "one"))
	}
	b.write(t, b.put("Patient/p", 0, "one"), b.remove("Observation/b", 1))
	b.write(t, b.put("Observation/c", 1, "two"))
	at := b.lastSeq(t)
	want := "a=one c=two d=one e=one"
	for _, limit := range []int{1, 2, 100} {
		if got := b.walk(t, store.WalkQuery{Type: "Observation", At: at, Bodies: true, Limit: limit}); got != want {
			t.Errorf("%d at a time: %s", limit, got)
		}
	}
	b.write(t, b.put("Observation/a", 1, "later"), b.put("Observation/b", 2, "again"), b.put("Observation/f", 0, "new"))
	b.write(t, b.put("Observation/c", 2, "three"))
	b.write(t, b.put("Observation/c", 3, "four"), b.remove("Observation/d", 1))
	want = "a=one* c=two* d=one* e=one"
	for _, limit := range []int{1, 2, 100} {
		if got := b.walk(t, store.WalkQuery{Type: "Observation", At: at, Bodies: true, Limit: limit}); got != want {
			t.Errorf("%d at a time: %s", limit, got)
		}
	}
	if got := b.walk(t, store.WalkQuery{Type: "Observation", At: at, Limit: 100}); got != "a* c* d* e" {
		t.Errorf("without bodies: %s", got)
	}
	if got := b.walk(t, store.WalkQuery{Type: "Device", At: at, Limit: 100}); got != "" {
		t.Errorf("of a type that there is not: %s", got)
	}
}

func walksOwned(t *testing.T, b bench) {
	b.write(t, b.put("Patient/p", 0, ""), b.put("Patient/q", 0, ""), b.put("Group/g", 0, ""))
	b.write(t,
		b.put("Observation/a", 0, "", refer(subject, "Patient/p"), token(status, "", "final")),
		b.put("Observation/b", 0, "", refer(subject, "Patient/q"), token(status, "", "final")),
		b.put("Observation/c", 0, "", refer(subject, "Group/g"), token(status, "", "final")),
		b.put("Observation/d", 0, "", refer(subject, "Patient/p"), token(status, "", "draft")),
	)
	at := b.lastSeq(t)
	q := store.WalkQuery{Type: "Observation", At: at, Owners: []search.Param{subject}, Filter: tokenIs(status, "", "final"), Limit: 100}
	if got := b.walk(t, q); got != "a[p] b[q] c" {
		t.Error(got)
	}
	q.Targets = true
	page, err := b.Walk(b.ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := b.Walk(b.ctx, store.WalkQuery{Type: "Group", At: at, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := page.Items[2].Targets; !slices.Equal(got, []store.Position{groups.Items[0].Position}) {
		t.Errorf("targets %v, not those of %v", got, groups.Items)
	}
	places, err := b.Positions(b.ctx, keys("Group/g", "Group/none", "Device/none"))
	if err != nil || len(places) != 1 || places[key("Group/g")] != groups.Items[0].Position {
		t.Errorf("places %v %v", places, err)
	}
	b.write(t, b.put("Observation/d", 1, "", refer(subject, "Patient/q"), token(status, "", "draft")))
	if got := b.walk(t, q); got != "a[p] b[q] c d*" {
		t.Errorf("what has changed: %s", got)
	}
}

func walksDeleted(t *testing.T, b bench) {
	timed := func(w store.Write, minute int) store.Write { w.Updated = at(minute); return w }
	b.write(t, timed(b.put("Observation/a", 0, "one"), 1), timed(b.put("Observation/b", 0, "one"), 1), timed(b.put("Observation/c", 0, "one"), 3), timed(b.put("Observation/d", 0, "one"), 1))
	b.write(t, timed(b.remove("Observation/a", 1), 2))
	b.write(t, timed(b.remove("Observation/b", 1), 5))
	place := b.lastSeq(t)
	b.write(t, timed(b.remove("Observation/c", 1), 6), timed(b.put("Observation/b", 2, "back"), 6))
	q := store.WalkQuery{Type: "Observation", At: place, Deleted: true, Limit: 2}
	if got := b.walk(t, q); got != "a b*" {
		t.Errorf("deleted: %s", got)
	}
	q.Since = at(3)
	if got := b.walk(t, q); got != "b*" {
		t.Errorf("deleted since: %s", got)
	}
	q.Deleted = false
	if got := b.walk(t, q); got != "c*" {
		t.Errorf("since: %s", got)
	}
	q.Since, q.Until = at(0), at(3)
	if got := b.walk(t, q); got != "d" {
		t.Errorf("until: %s", got)
	}
}

func walksInPages(t *testing.T, b bench) {
	var writes []store.Write
	var want []string
	for i := range 40 {
		id := fmt.Sprintf("o%02d", i)
		writes = append(writes, b.put("Observation/"+id, 0, "m"))
		want = append(want, id+"=m")
	}
	b.write(t, writes...)
	q := store.WalkQuery{Type: "Observation", At: b.lastSeq(t), Bodies: true, Limit: 1000, Bytes: 1}
	page, err := b.Walk(b.ctx, q)
	if err != nil || len(page.Items) != 1 || page.End || page.Items[0].Key != (fhir.Key{Type: "Observation", ID: "o00"}) {
		t.Fatalf("%+v %v", page, err)
	}
	if got := b.walk(t, q); got != strings.Join(want, " ") {
		t.Errorf("one at a time: %s", got)
	}
	q.Bytes = 0
	if got := b.walk(t, q); got != strings.Join(want, " ") {
		t.Errorf("all together: %s", got)
	}
}
