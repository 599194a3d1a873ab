package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var expungeCases = []testCase{
	{"expunging nothing removes nothing", expungeNothing},
	{"expunging old versions keeps the current one", expungeOldVersions},
	{"expunging deleted resources removes them whole", expungeDeleted},
	{"expunging everything leaves no trace", expungeEverything},
	{"an expunge stops at its limit", expungeLimit},
	{"an expunge keeps to its key or type", expungeScope},
	{"Seq never comes again after an expunge", expungeSeq},
}

func (b bench) expunge(t *testing.T, x store.Expunge, want int64) {
	t.Helper()
	if n, err := b.Expunge(b.ctx, x); n != want || err != nil {
		t.Errorf("%+v removed %d, want %d, %v", x, n, want, err)
	}
}

func expungeNothing(t *testing.T, b bench) {
	b.story(t)
	b.expunge(t, store.Expunge{}, 0)
	b.expunge(t, store.Expunge{Key: key("Patient/a")}, 0)
	b.expunge(t, store.Expunge{Key: key("Patient/none"), Everything: true}, 0)
	b.expunge(t, store.Expunge{Key: key("None/none"), Everything: true}, 0)
	b.expunge(t, store.Expunge{Key: fhir.Key{Type: "None"}, Everything: true}, 0)
	if p := b.history(t, store.HistoryQuery{}); p.Total != 6 {
		t.Errorf("total %d", p.Total)
	}
}

func expungeOldVersions(t *testing.T, b bench) {
	b.story(t)
	b.expunge(t, store.Expunge{Key: key("Patient/a"), OldVersions: true}, 2)
	if got := trace(b.history(t, store.HistoryQuery{Type: "Patient", ID: "a"}).Records); got != "Patient/a/3" {
		t.Error(got)
	}
	if got := b.search(t, patients(tokenIs(gender, "", "female"))); got != "Patient/a" {
		t.Error(got)
	}
	if r := b.write(t, b.put("Patient/a", 3, "")); r[0].Version != 4 {
		t.Errorf("%+v", r)
	}
}

func expungeDeleted(t *testing.T, b bench) {
	b.story(t)
	b.expunge(t, store.Expunge{Deleted: true}, 2)
	if _, err := b.Read(b.ctx, key("Patient/b")); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if r := b.write(t, b.put("Patient/b", 0, "")); r[0].Version != 1 {
		t.Errorf("%+v", r)
	}
}

func expungeEverything(t *testing.T, b bench) {
	b.story(t)
	b.expunge(t, store.Expunge{Everything: true}, 6)
	if p := b.history(t, store.HistoryQuery{}); p.Total != 0 {
		t.Errorf("history: %d", p.Total)
	}
	if got := b.search(t, query(nil, nil)); got != "" {
		t.Error(got)
	}
	for _, c := range []string{"male", "female"} {
		if n, err := b.Count(b.ctx, patients(tokenIs(gender, "", c))); n != 0 || err != nil {
			t.Errorf("index of %s: %d, %v", c, n, err)
		}
	}
	if s, err := b.Stats(b.ctx); len(s) != 0 || err != nil {
		t.Errorf("%v, %v", s, err)
	}
}

func expungeLimit(t *testing.T, b bench) {
	for i := range 10 {
		b.write(t, b.put("Patient/a", int64(i), "", token(gender, "", "male")))
	}
	b.expunge(t, store.Expunge{Everything: true, Limit: 4}, 4)
	if got := b.search(t, patients(tokenIs(gender, "", "male"))); got != "Patient/a" {
		t.Errorf("the current version went before older ones: %q", got)
	}
	b.expunge(t, store.Expunge{OldVersions: true, Limit: 100}, 5)
	b.expunge(t, store.Expunge{Everything: true, Limit: 100}, 1)
}

func expungeScope(t *testing.T, b bench) {
	var writes []store.Write
	for i := range 5 {
		writes = append(writes, b.put(fmt.Sprintf("Patient/%d", i), 0, ""), b.put(fmt.Sprintf("Observation/%d", i), 0, ""))
	}
	b.write(t, writes...)
	b.expunge(t, store.Expunge{Key: key("Patient/1"), Everything: true}, 1)
	b.expunge(t, store.Expunge{Key: fhir.Key{Type: "Observation"}, Everything: true}, 5)
	if got := b.search(t, query(nil, nil)); got != "Patient/0 Patient/2 Patient/3 Patient/4" {
		t.Error(got)
	}
	b.write(t, b.put("Patient/0", 1, ""), b.put("Patient/4", 1, ""))
	some := []fhir.Key{key("Patient/0"), key("Patient/none"), key("None/none"), key("Patient/2"), key("Patient/4")}
	b.expunge(t, store.Expunge{Keys: some, OldVersions: true}, 2)
	b.expunge(t, store.Expunge{Keys: some, Everything: true, Limit: 2}, 2)
	b.expunge(t, store.Expunge{Keys: some, Everything: true}, 1)
	if got := b.search(t, query(nil, nil)); got != "Patient/3" {
		t.Error(got)
	}
}

func expungeSeq(t *testing.T, b bench) {
	last := b.write(t, b.put("Patient/a", 0, ""))[0].Seq
	b.expunge(t, store.Expunge{Everything: true}, 1)
	if next := b.write(t, b.put("Patient/a", 0, ""))[0].Seq; next <= last {
		t.Errorf("Seq %d after %d", next, last)
	}
}
