package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var regovernCases = []testCase{
	{"after each change of who has which policy, and of what belongs to whom, searches go by what is now", regoverns},
	{"a transaction sees the policies that it gives, and nobody else those of one that fails", regovernsWithin},
	{"what comes with a policy that hides it is never seen", comesHidden},
}

// governedNow are searches for what two policies govern, one wholly, one with a code
// of its own.
type governedNow struct {
	bench
	kinds *search.Kinds
	each  *search.Decisions
	after int64
}

// now holds of what has the policy "all", or "some" and the code "s".
func now(t *testing.T, b bench) governedNow {
	b.write(t, b.put("Patient/z", 0, ""), b.put("Patient/y", 0, ""))
	b.govern(t, "y", store.PolicySpan{Lo: 0, Until: 10, Policy: "all"})
	b.govern(t, "z", store.PolicySpan{Lo: 0, Until: 10, Policy: "some"})
	kinds, each := decided(search.And{}, tokenIs(status, "s", "hidden"))
	for _, policy := range []struct {
		text string
		kind int
	}{{"all", 0}, {"some", 1}} {
		kinds.Add(b.number(t, policy.text), policy.kind)
	}
	return governedNow{b, kinds, each, b.number(t, "some")}
}

func (n governedNow) of(types []string, at int64) *search.Query {
	x := search.Governed{Params: []search.Param{subject}, Sole: true, Kinds: n.kinds, Each: n.each, After: n.after, At: at}
	if types[0] == "Patient" {
		x.Params, x.Sole, x.Self = nil, false, true
	}
	return query(types, x)
}

// check asks twice, for what was looked up may be remembered, in pages and as a number.
func (n governedNow) check(t *testing.T, when, want string) {
	t.Helper()
	for range 2 {
		q := n.of([]string{"Observation"}, 5)
		if got := n.search(t, q); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
		if got, err := n.Count(n.ctx, q); err != nil || int(got) != len(observationsIn(want)) {
			t.Errorf("%s: %d counted, %v", when, got, err)
		}
		n.checkOwners(t, when, want)
		n.checkOnes(t, when, want)
	}
}

// checkOwners asks for the resources of one patient after the other.
func (n governedNow) checkOwners(t *testing.T, when, want string) {
	t.Helper()
	var all []store.Record
	for _, patient := range []string{"a", "b", "later", "y", "nobody"} {
		q := n.of([]string{"Observation"}, 5)
		q.Filter = search.And{search.Reference{Param: subject, Type: "Patient", ID: patient}, search.Standing{X: q.Filter, Made: new(search.Made), At: 5}}
		page, err := n.Search(n.ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := n.Count(n.ctx, q); err != nil || int(got) != len(page.Records) {
			t.Errorf("%s: of %s %d found and %d counted, %v", when, patient, len(page.Records), got, err)
		}
		all = append(all, page.Records...)
	}
	if got := names(all); got != want {
		t.Errorf("%s: of each patient %q, want %q", when, got, want)
	}
}

// checkOnes asks for one resource after the other, and what is beside the answer.
func (n governedNow) checkOnes(t *testing.T, when, want string) {
	t.Helper()
	for id := range strings.SplitSeq("1 2 3 4 5 6", " ") {
		for _, governed := range []bool{true, false} {
			q := n.of([]string{"Observation"}, 5)
			if !governed {
				q.Filter = search.Standing{X: search.Not{X: search.At(q.Filter, 0)}, Made: new(search.Made), At: 5}
			}
			q.Filter = search.And{search.IDs{id}, q.Filter}
			page, err := n.Search(n.ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			record, err := n.Read(n.ctx, key("Observation/"+id))
			there := err == nil && !record.Deleted
			if found, wanted := len(page.Records) == 1, there && governed == slices.Contains(strings.Fields(want), "Observation/"+id); found != wanted {
				t.Errorf("%s: Observation/%s governed %v is found %v", when, id, governed, found)
			}
			if !page.Looked || len(page.Records) > 0 {
				continue
			}
			if (page.Beside == nil) != errors.Is(err, store.ErrNotFound) || page.Beside != nil && (page.Beside.Version != record.Version || page.Beside.Deleted != record.Deleted) {
				t.Errorf("%s: beside Observation/%s is %+v, read %+v, %v", when, id, page.Beside, record, err)
			}
		}
	}
}

func regoverns(t *testing.T, b bench) {
	n := now(t, b)
	span := func(policy string) store.PolicySpan { return store.PolicySpan{Lo: 0, Until: 10, Policy: policy} }
	put := func(o, patient string, expect int64, codes ...string) {
		entries := []search.Entry{refer(subject, "Patient/"+patient)}
		for _, c := range codes {
			entries = append(entries, token(status, "s", c))
		}
		b.write(t, b.put("Observation/"+o, expect, "", entries...))
	}
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""))
	put("1", "a", 0, "hidden")
	put("2", "b", 0)
	put("3", "later", 0)
	b.write(t, b.put("Observation/4", 0, ""))
	n.check(t, "before", "")
	b.govern(t, "a", span("some"))
	n.check(t, "some", "Observation/1")
	put("1", "a", 1)
	n.check(t, "without the code", "")
	put("1", "a", 2, "hidden")
	n.check(t, "with the code again", "Observation/1")
	b.govern(t, "a", store.PolicySpan{Lo: 0, Until: 5, Policy: "all"}, store.PolicySpan{Lo: 6, Until: 10, Policy: "all"})
	n.check(t, "at another time", "")
	if got := n.search(t, n.of([]string{"Observation"}, 4)); got != "Observation/1" {
		t.Errorf("before that: %s", got)
	}
	b.govern(t, "a", span("all"))
	n.check(t, "all", "Observation/1")
	put("2", "a", 1)
	n.check(t, "another owner", "Observation/1 Observation/2")
	put("2", "b", 2)
	n.check(t, "the former owner", "Observation/1")
	b.govern(t, "b", span("one that comes later"))
	n.check(t, "a policy of no kind", "Observation/1 Observation/2")
	b.govern(t, "b")
	b.govern(t, "later", span("all"))
	n.check(t, "a patient who is only referred to", "Observation/1 Observation/3")
	b.write(t, b.put("Patient/later", 0, ""))
	n.check(t, "that patient", "Observation/1 Observation/3")
	b.govern(t, "later")
	n.check(t, "no policy", "Observation/1")
	if got := n.search(t, n.of([]string{"Patient"}, 5)); got != "Patient/y Patient/a" {
		t.Errorf("patients: %s", got)
	}
	b.write(t, b.put("Observation/5", 0, "", refer(subject, "Patient/b"), refer(subject, "Patient/a")))
	n.check(t, "two owners", "Observation/1 Observation/5")
	b.write(t, b.remove("Observation/5", 1))
	n.check(t, "deleted", "Observation/1")
	if _, err := b.Reindex(b.ctx, b.setting(t, "held", "1"), []store.Reindexed{{Key: key("Observation/4"), Version: 1, Index: []search.Entry{refer(subject, "Patient/a")}}}); err != nil {
		t.Fatal(err)
	}
	n.check(t, "indexed anew", "Observation/1 Observation/4")
	b.govern(t, "a", span("some"))
	for _, index := range [][]search.Entry{{refer(subject, "Patient/a"), token(status, "s", "hidden")}, {refer(subject, "Patient/a")}} {
		if _, err := b.Reindex(b.ctx, b.setting(t, "held", "1"), []store.Reindexed{{Key: key("Observation/4"), Version: 1, Index: index}}); err != nil {
			t.Fatal(err)
		}
		want := "Observation/1"
		if len(index) == 2 {
			want += " Observation/4"
		}
		n.check(t, "with or without the code, indexed anew", want)
	}
	b.govern(t, "a", span("all"))
	if _, err := b.Expunge(b.ctx, store.Expunge{Key: key("Observation/1"), Everything: true, Limit: 100}); err != nil {
		t.Fatal(err)
	}
	n.check(t, "expunged", "Observation/4")
}

func regovernsWithin(t *testing.T, b bench) {
	n := now(t, b)
	b.write(t, b.put("Patient/a", 0, ""), b.put("Observation/1", 0, "", refer(subject, "Patient/a")))
	n.check(t, "before", "")
	for _, fails := range []error{store.ErrVersion, nil} {
		err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
			if err := tx.Lock(ctx, "policies"); err != nil {
				return err
			}
			if err := tx.Govern(ctx, "a", []store.PolicySpan{{Lo: 0, Until: 10, Policy: "all"}}); err != nil {
				return err
			}
			if page, err := tx.Search(ctx, n.of([]string{"Observation"}, 5)); err != nil || len(page.Records) != 1 {
				t.Errorf("within: %d, %v", len(page.Records), err)
			}
			if fails != nil {
				n.check(t, "outside", "")
			}
			return fails
		})
		if !errors.Is(err, fails) {
			t.Fatal(err)
		}
		if fails != nil {
			n.check(t, "after it failed", "")
		}
	}
	n.check(t, "after", "Observation/1")
}

// comesHidden has readers look for what is not hidden, while transactions bring what is.
func comesHidden(t *testing.T, b bench) {
	n := now(t, b)
	hidden := n.of([]string{"Observation"}, 5)
	shown := query([]string{"Observation"}, search.Not{X: hidden.Filter})
	var readers sync.WaitGroup
	ended := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				if page, err := b.Search(b.ctx, shown); err != nil || len(page.Records) > 0 {
					t.Errorf("%d are shown, %v", len(page.Records), err)
					return
				}
				select {
				case <-ended:
					return
				default:
				}
			}
		})
	}
	for i := range 100 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26))
		err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
			if err := tx.Lock(ctx, "policies"); err != nil {
				return err
			}
			if _, err := tx.Put(ctx, []store.Write{b.put("Patient/"+name, 0, ""), b.put("Observation/"+name, 0, "", refer(subject, "Patient/"+name))}); err != nil {
				return err
			}
			return tx.Govern(ctx, fhir.ID(name), []store.PolicySpan{{Lo: 0, Until: 10, Policy: "all"}})
		})
		if err != nil {
			t.Error(err)
			break
		}
	}
	close(ended)
	readers.Wait()
	if got, err := b.Count(b.ctx, hidden); err != nil || got != 100 {
		t.Errorf("%d are hidden, %v", got, err)
	}
}
