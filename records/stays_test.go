package records_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

const manyMembers = 300

// manyPatients stores the Patients m0, m1 and so on.
func manyPatients(t *testing.T, s *records.Session) {
	t.Helper()
	var contents []records.Content
	for i := range manyMembers {
		contents = append(contents, body(`{"resourceType":"Patient","id":"m%d"}`, i))
	}
	for _, l := range must(s.Load(t.Context(), contents, records.LoadOptions{}))(t) {
		if l.Err != nil {
			t.Fatal(l.Err)
		}
	}
}

// largeGroup is Group/g with those Patients, and others, as members.
func largeGroup(quantity int, others ...string) records.Content {
	var members []string
	for i := range manyMembers {
		members = append(members, fmt.Sprintf(`{"entity":{"reference":"Patient/m%d"}}`, i))
	}
	for _, other := range others {
		members = append(members, fmt.Sprintf(`{"entity":{"reference":%q}}`, other))
	}
	return body(`{"resourceType":"Group","id":"g","type":"person","actual":true,"quantity":%d,"member":[%s]}`, quantity, strings.Join(members, ","))
}

// writeGroup replaces Group/g.
func writeGroup(t *testing.T, s *records.Session, quantity int, others ...string) error {
	_, err := s.Update(t.Context(), key("Group/g"), largeGroup(quantity, others...), records.UpdateOptions{})
	return err
}

// patchGroup changes Group/g, whose members stay.
func patchGroup(t *testing.T, s *records.Session, quantity int) error {
	doc := records.PatchContent{Format: records.JSONPatch, Body: fmt.Appendf(nil, `[{"op":"replace","path":"/quantity","value":%d}]`, quantity)}
	_, err := s.Patch(t.Context(), key("Group/g"), doc, records.UpdateOptions{})
	return err
}

// requiring is a store that counts what its writes require.
type requiring struct {
	store.Store
	required atomic.Int64
}

func (a *requiring) Write(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	return a.Store.Write(ctx, func(ctx context.Context, tx store.Tx) error { return fn(ctx, requiringTx{tx, a}) })
}

type requiringTx struct {
	store.Tx
	of *requiring
}

func (a requiringTx) Require(ctx context.Context, keys []fhir.Key) error {
	a.of.required.Add(int64(len(keys)))
	return a.Tx.Require(ctx, keys)
}

func TestOnlyNewReferencesOfALargeResourceAreLookedUp(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		a := &requiring{Store: db.open(t)}
		d := must(records.Open(t.Context(), records.Config{Store: a, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
		s := d.Session(records.Principal{ID: "tester"}, nil)
		manyPatients(t, s)
		patient(t, s, "one")
		patient(t, s, "two")
		for _, one := range []struct {
			what string
			do   func() error
			want int64
		}{
			{"the first version", func() error { return writeGroup(t, s, 1, "Patient/one") }, manyMembers + 1},
			{"the same members", func() error { return writeGroup(t, s, 2, "Patient/one") }, 0},
			{"one more", func() error { return writeGroup(t, s, 3, "Patient/one", "Patient/two") }, 1},
			{"a patch", func() error { return patchGroup(t, s, 4) }, 0},
			{"one less", func() error { return writeGroup(t, s, 5, "Patient/two") }, 0},
			{"one that was there before", func() error { return writeGroup(t, s, 6, "Patient/one", "Patient/two") }, 1},
		} {
			before := a.required.Load()
			if err := one.do(); err != nil {
				t.Fatalf("%s: %v", one.what, err)
			}
			// A group of writes may ask twice.
			if got := a.required.Load() - before; got != one.want && got != 2*one.want {
				t.Errorf("%s: %d are required, want %d", one.what, got, one.want)
			}
		}
	})
}

// Whether a reference of a large resource is new or not, it must lead somewhere.
func TestReferencesThatStayMustLeadSomewhereAsWell(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		manyPatients(t, s)
		patient(t, s, "one")
		if err := writeGroup(t, s, 1, "Patient/one/_history/1"); err != nil {
			t.Fatal(err)
		}
		eased := db.session(t, records.Policy{AllowDeleteReferred: true})
		must(eased.Delete(t.Context(), key("Patient/m7"), records.DeleteOptions{}))(t)
		must(s.Delete(t.Context(), key("Patient/one"), records.DeleteOptions{}))(t)
		refused(t, writeGroup(t, s, 2), fault.Unprocessable, "Group.member[7].entity.reference", "Patient/m7")
		refused(t, patchGroup(t, s, 2), fault.Unprocessable, "Group.member[7].entity.reference", "Patient/m7")
		refused(t, writeGroup(t, s, 2, "Patient/none"), fault.Unprocessable, "Patient/m7", "Patient/none")
		patient(t, s, "m7")
		refused(t, writeGroup(t, s, 2, "Patient/none"), fault.Unprocessable, "Group.member[300].entity.reference", "Patient/none")
		refused(t, writeGroup(t, s, 2, "Patient/one"), fault.Unprocessable, "Group.member[300].entity.reference", "Patient/one")
		if err := writeGroup(t, s, 2, "Patient/one/_history/1"); err != nil {
			t.Error(err)
		}
		if err := patchGroup(t, s, 3); err != nil {
			t.Error(err)
		}
		must(eased.Delete(t.Context(), key("Patient/m8"), records.DeleteOptions{}))(t)
		if err := patchGroup(t, db.session(t, records.Policy{AllowDangling: true}), 4); err != nil {
			t.Error(err)
		}
	})
}

func TestADeleteAndAReferenceThatALargeResourceGetsNeverBothSucceed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		one, two := db.session(t, records.Policy{}), db.session(t, records.Policy{})
		manyPatients(t, one)
		if err := writeGroup(t, one, 0); err != nil {
			t.Fatal(err)
		}
		for round := range 10 {
			id := fmt.Sprintf("Patient/p%d", round)
			patient(t, one, strings.TrimPrefix(id, "Patient/"))
			var wg sync.WaitGroup
			var deleted, referred error
			wg.Go(func() { _, deleted = one.Delete(t.Context(), key(id), records.DeleteOptions{}) })
			wg.Go(func() { referred = writeGroup(t, two, round+1, id) })
			wg.Wait()
			switch {
			case deleted == nil:
				refused(t, referred, fault.Unprocessable, id)
			case referred == nil:
				refused(t, deleted, fault.Conflict, "Group/g")
			default:
				t.Fatalf("round %d: delete %v, reference %v", round, deleted, referred)
			}
			// What stays is not deleted while it is written again.
			wg.Go(func() { _, deleted = one.Delete(t.Context(), key("Patient/m1"), records.DeleteOptions{}) })
			wg.Go(func() { referred = patchGroup(t, two, 100+round) })
			wg.Wait()
			refused(t, deleted, fault.Conflict, "Group/g")
			if referred != nil {
				t.Fatal(referred)
			}
		}
	})
}
