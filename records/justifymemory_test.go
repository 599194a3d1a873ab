package records_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// consentQueries counts what a store is asked of the Consents of patients.
type consentQueries struct {
	store.Store
	marks, consents atomic.Int64
}

func (a *consentQueries) PolicyMarks(ctx context.Context, patients []fhir.ID, at int64) (map[fhir.ID]store.PolicyMark, error) {
	a.marks.Add(1)
	return a.Store.PolicyMarks(ctx, patients, at)
}

func (a *consentQueries) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	if slices.Contains(q.Types, "Consent") {
		a.consents.Add(1)
	}
	return a.Store.Search(ctx, q)
}

func TestTheConsentsThatCountedAreThoseOfThatTimeWhoeverChangesThem(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		counts := &consentQueries{}
		mine := database{db.name, func(t testing.TB) store.Store {
			counts.Store = db.open(t)
			return counts
		}}
		d, other := mine.door(t, records.Policy{}), db.door(t, records.Policy{}).Session(records.Principal{ID: "other"}, nil)
		put(t, other, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		for _, p := range []string{"p", "q", "free"} {
			patient(t, other, p)
			observation(t, other, "o-"+p, "Patient/"+p)
		}
		version := 0
		change := func() {
			version++
			consents(t, other, "c", "p", fmt.Sprintf(`{"type":"permit","provision":[{"type":"deny","code":[{"coding":[{"system":"http://loinc.org","code":"%d"}]}]}]}`, version))
		}
		counted := func(p, way string, during func()) []audit.Counted {
			t.Helper()
			as, trail := nurse(t, d), &audit.Trail{}
			ctx := audit.WithTrail(t.Context(), trail)
			if way == "read" {
				if _, err := as.Read(ctx, key("Observation/o-"+p), records.ReadOptions{}); err != nil {
					t.Fatal(err)
				}
			} else if _, err := as.Search(ctx, records.SearchRequest{Type: "Observation", Pairs: pairs(t, way+"=Patient/"+p)}); err != nil {
				t.Fatal(err)
			}
			during()
			e := &audit.Event{Kind: audit.Search, Status: 200, Target: "Observation"}
			trail.Tell(e)
			as.Justify(ctx, e, "Observation")
			return e.Consents
		}
		of := func(version int) []audit.Counted {
			return []audit.Counted{{Patient: "Patient/p", Consent: "Consent/c", Version: int64(version)}}
		}
		nothing := func() {}
		consents(t, other, "q", "q", permit)
		for _, way := range []string{"read", "patient", "subject"} {
			change()
			for range 2 {
				if diff := cmp.Diff(of(version), counted("p", way, nothing)); diff != "" {
					t.Errorf("%s: %s", way, diff)
				}
			}
			before := version
			if got := counted("p", way, change); !cmp.Equal(got, of(before)) && !cmp.Equal(got, of(version)) {
				t.Errorf("%s, changed meanwhile: %v, of %d and %d", way, got, before, version)
			}
			if diff := cmp.Diff(of(version), counted("p", way, nothing)); diff != "" {
				t.Errorf("%s, the next: %s", way, diff)
			}
			if got := counted("free", way, nothing); got != nil {
				t.Errorf("%s of a patient without consents: %v", way, got)
			}
			marks, consents := counts.marks.Load(), counts.consents.Load()
			for range 3 {
				counted("p", way, nothing)
				counted("free", way, nothing)
			}
			if marks, consents = counts.marks.Load()-marks, counts.consents.Load()-consents; consents > 0 || marks > 0 && db.name == "postgres" {
				t.Errorf("%s: the consents were asked for %d times and the marks %d times", way, consents, marks)
			}
		}
		if _, err := other.Delete(t.Context(), key("Consent/c"), records.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := counted("p", "read", nothing); got != nil {
			t.Errorf("after it was deleted: %v", got)
		}
		change()
		if diff := cmp.Diff(of(version+1), counted("p", "read", nothing)); diff != "" { // a delete is a version, too
			t.Error(diff)
		}
	})
}
