package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var transactionCases = []testCase{
	{"a transaction that fails leaves nothing", failureLeavesNothing},
	{"a transaction sees its own writes", seesOwnWrites},
	{"others do not see a transaction before it commits", othersDoNotSee},
	{"a member of a group that fails does not touch the others", failingMember},
	{"a panic reaches the caller and nothing of it stays", panicReachesCaller},
	{"Require names what is missing or deleted", requireMissing},
	{"Require keeps a resource until the end", requireKeeps},
	{"Lost names what the current version refers to and is not there", lostIsNamed},
	{"a delete finds the referrers of transactions before it", deleteMeetsReferrer},
	{"Lock is exclusive by name", lockExclusive},
	{"a search under Lock makes conditional creates unique", conditionalCreate},
	{"many keys in any order never deadlock", noDeadlock},
	{"an ended context is not written", endedContext},
	{"a thousand writes are one transaction", thousandWrites},
	{"readers work while writers write", readersAndWriters},
}

var errGivenUp = errors.New("given up")

func failureLeavesNothing(t *testing.T, b bench) {
	b.write(t, b.put("Patient/old", 0, "old", token(gender, "", "male")))
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{
			b.put("Patient/a", 0, "", token(gender, "new-system", "male")),
			b.put("Patient/old", 1, "new", token(gender, "", "female")),
			b.put("Novel/a", 0, ""),
		})
		return errors.Join(err, errGivenUp)
	})
	if !errors.Is(err, errGivenUp) {
		t.Fatal(err)
	}
	if _, err := b.Read(b.ctx, key("Patient/a")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Patient/a: %v", err)
	}
	if r, err := b.Read(b.ctx, key("Patient/old")); err != nil || r.Version != 1 {
		t.Errorf("Patient/old: version %d, %v", r.Version, err)
	}
	if got := b.search(t, patients(tokenIs(gender, "", "male"))); got != "Patient/old" {
		t.Errorf("search: %s", got)
	}
	b.write(t, b.put("Novel/a", 0, ""), b.put("Patient/a", 0, "", token(gender, "new-system", "male")))
	if got := b.search(t, patients(tokenIs(gender, "new-system", "male"))); got != "Patient/a" {
		t.Errorf("names of a failed transaction: %q", got)
	}
	if r, err := b.Read(b.ctx, key("Novel/a")); err != nil || r.Version != 1 {
		t.Errorf("types of a failed transaction: %v", err)
	}
}

func seesOwnWrites(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", token(gender, "", "male")))
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Put(ctx, []store.Write{
			b.put("Patient/b", 0, "b", token(gender, "", "male")), b.remove("Patient/a", 1),
			b.put("Observation/o", 0, "", refer(subject, "Patient/b")),
		}); err != nil {
			return err
		}
		// A call's error ends the run: the store may want to run it again.
		r, err := tx.Read(ctx, key("Patient/b"))
		if err != nil {
			return err
		}
		if r.Version != 1 || len(r.Body) == 0 {
			t.Errorf("Read: %+v, %v", r, err)
		}
		if r, err := tx.ReadVersion(ctx, key("Patient/a"), 2); err != nil || !r.Deleted {
			t.Errorf("ReadVersion: %+v, %v", r, err)
		}
		page, err := tx.Search(ctx, patients(tokenIs(gender, "", "male")))
		if err != nil || names(page.Records) != "Patient/b" {
			t.Errorf("Search: %s, %v", names(page.Records), err)
		}
		if n, err := tx.Count(ctx, patients(nil)); n != 1 || err != nil {
			t.Errorf("Count: %d, %v", n, err)
		}
		if k, err := tx.Referrers(ctx, key("Patient/b"), 5); err != nil || len(k) != 1 {
			t.Errorf("Referrers: %v, %v", k, err)
		}
		if v, err := tx.Versions(ctx, keys("Patient/a", "Patient/b")); err != nil || !v[key("Patient/a")].Deleted || v[key("Patient/b")].Version != 1 {
			t.Errorf("Versions: %v, %v", v, err)
		}
		if r, err := tx.ReadMany(ctx, keys("Patient/a", "Patient/b")); err != nil || names(r) != "Patient/b" {
			t.Errorf("ReadMany: %v, %v", r, err)
		}
		if err := tx.Require(ctx, keys("Patient/b")); err != nil {
			t.Errorf("Require: %v", err)
		}
		_, err = tx.Put(ctx, []store.Write{b.put("Patient/c", 0, "", token(gender, "", "male"))})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.search(t, patients(tokenIs(gender, "", "male"))); got != "Patient/b Patient/c" {
		t.Errorf("afterwards: %s", got)
	}
}

func othersDoNotSee(t *testing.T, b bench) {
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Put(ctx, []store.Write{b.put("Patient/a", 0, "", token(gender, "", "male"))}); err != nil {
			return err
		}
		if _, err := tx.Search(ctx, patients(nil)); err != nil { // makes the store write what it kept back
			return err
		}
		if _, err := b.Read(b.ctx, key("Patient/a")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Read: %v", err)
		}
		if got := b.search(t, patients(tokenIs(gender, "", "male"))); got != "" {
			t.Errorf("Search: %s", got)
		}
		if c, err := b.Changes(b.ctx, 0, 10, false); err != nil || len(c) != 0 {
			t.Errorf("Changes: %v, %v", c, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func failingMember(t *testing.T, b bench) {
	var wg sync.WaitGroup
	const n = 60
	for i := range n {
		wg.Go(func() {
			err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
				if _, err := tx.Put(ctx, []store.Write{b.put(fmt.Sprintf("Patient/%d", i), 0, "", token(gender, fmt.Sprintf("s%d", i%7), "male"))}); err != nil {
					return err
				}
				if i%4 == 0 {
					if _, err := tx.Search(ctx, patients(nil)); err != nil {
						return err
					}
				}
				if i%3 == 0 {
					return errGivenUp
				}
				return nil
			})
			if i%3 == 0 != errors.Is(err, errGivenUp) || err != nil && i%3 != 0 {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range n {
		_, err := b.Read(b.ctx, key(fmt.Sprintf("Patient/%d", i)))
		if i%3 == 0 != errors.Is(err, store.ErrNotFound) {
			t.Errorf("Patient/%d: %v", i, err)
		}
		q := patients(tokenIs(gender, fmt.Sprintf("s%d", i%7), "male"))
		page, err := b.Search(b.ctx, q)
		if found := strings.Contains(names(page.Records)+" ", fmt.Sprintf("Patient/%d ", i)); found != (i%3 != 0) || err != nil {
			t.Errorf("index of Patient/%d: found %v, %v", i, found, err)
		}
	}
}

func panicReachesCaller(t *testing.T, b bench) {
	func() {
		defer func() {
			if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "kaboom") {
				t.Errorf("recovered %v", p)
			}
		}()
		_ = b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.Put(ctx, []store.Write{b.put("Patient/a", 0, "")}); err != nil {
				t.Error(err)
			}
			panic("kaboom")
		})
	}()
	if _, err := b.Read(b.ctx, key("Patient/a")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Read: %v", err)
	}
	b.write(t, b.put("Patient/b", 0, ""))
}

func (b bench) require(ks ...string) error {
	return b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error { return tx.Require(ctx, keys(ks...)) })
}

func requireMissing(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""))
	b.write(t, b.remove("Patient/b", 1))
	err := b.require("Patient/a", "Patient/b", "Nothing/c")
	var missing *store.MissingError
	if !errors.Is(err, store.ErrMissing) || !errors.As(err, &missing) || fmt.Sprint(missing.Keys) != "[Patient/b Nothing/c]" {
		t.Errorf("%v", err)
	}
	if err := b.require("Patient/a", "Patient/a"); err != nil {
		t.Error(err)
	}
}

func requireKeeps(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""))
	required, deleted := make(chan bool), make(chan error, 1)
	go func() {
		<-required
		_, err := b.try(b.remove("Patient/a", store.Any))
		deleted <- err
	}()
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Require(ctx, keys("Patient/a")); err != nil {
			return err
		}
		if _, err := tx.Put(ctx, []store.Write{b.put("Observation/o", 0, "", refer(subject, "Patient/a"))}); err != nil {
			return err
		}
		close(required)
		select {
		case err := <-deleted:
			t.Errorf("the delete did not wait: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-deleted; err != nil {
		t.Error(err)
	}
}

func lostIsNamed(t *testing.T, b bench) {
	lost := func(of string) string {
		t.Helper()
		var got []fhir.Key
		err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) (err error) {
			got, err = tx.Lost(ctx, key(of))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, fhir.Key.Compare)
		return fmt.Sprint(got)
	}
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""))
	b.write(t, b.put("Observation/o", 0, "", refer(subject, "Patient/a"), refer(subject, "Patient/b"), refer(subject, "Patient/never")),
		b.put("Observation/other", 0, "", refer(subject, "Patient/elsewhere")))
	if got := lost("Observation/o"); got != "[Patient/never]" {
		t.Errorf("at first: %s", got)
	}
	b.write(t, b.remove("Patient/b", 1))
	if got := lost("Observation/o"); got != "[Patient/b Patient/never]" {
		t.Errorf("after a delete: %s", got)
	}
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Put(ctx, []store.Write{b.put("Patient/b", store.Any, ""), b.put("Observation/o", 1, "", refer(subject, "Patient/b"), refer(subject, "Patient/c"))}); err != nil {
			return err
		}
		got, err := tx.Lost(ctx, key("Observation/o"))
		if err == nil && fmt.Sprint(got) != "[Patient/c]" {
			t.Errorf("of what the transaction wrote: %v", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, none := range []string{"Patient/never", "Nothing/x", "Patient/a"} {
		if got := lost(none); got != "[]" {
			t.Errorf("of %s: %s", none, got)
		}
	}
	b.write(t, b.remove("Observation/o", store.Any))
	if got := lost("Observation/o"); got != "[]" {
		t.Errorf("of what is deleted: %s", got)
	}
}

// deleteMeetsReferrer lets referring and deleting transactions race: there
// must never be a reference to a deleted resource.
func deleteMeetsReferrer(t *testing.T, b bench) {
	var kept, gone atomic.Int64
	var wg sync.WaitGroup
	for i := range 40 {
		target, source := fmt.Sprintf("Patient/%d", i), fmt.Sprintf("Observation/%d", i)
		b.write(t, b.put(target, 0, ""))
		refersErr, removesErr := make(chan error, 1), make(chan error, 1)
		wg.Go(func() {
			refersErr <- b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
				if err := tx.Require(ctx, keys(target)); err != nil {
					return err
				}
				_, err := tx.Put(ctx, []store.Write{b.put(source, 0, "", refer(subject, target))})
				return err
			})
		})
		wg.Go(func() {
			removesErr <- b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
				if _, err := tx.Put(ctx, []store.Write{b.remove(target, store.Any)}); err != nil {
					return err
				}
				by, err := tx.Referrers(ctx, key(target), 1)
				if err == nil && len(by) > 0 {
					err = errGivenUp
				}
				return err
			})
		})
		switch refers, removes := <-refersErr, <-removesErr; {
		case refers == nil && errors.Is(removes, errGivenUp):
			kept.Add(1)
		case errors.Is(refers, store.ErrMissing) && removes == nil:
			gone.Add(1)
		default:
			t.Errorf("refers %v, removes %v", refers, removes)
		}
	}
	wg.Wait()
	t.Logf("%d kept, %d gone", kept.Load(), gone.Load())
}

func lockExclusive(t *testing.T, b bench) {
	var inside, entered atomic.Int64
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
				if err := tx.Lock(ctx, fmt.Sprintf("other %d", i), "shared"); err != nil {
					return err
				}
				if _, err := tx.Count(ctx, patients(nil)); err != nil {
					return err
				}
				if inside.Add(1) > 1 {
					t.Error("two transactions hold the lock")
				}
				time.Sleep(time.Millisecond)
				inside.Add(-1)
				entered.Add(1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if entered.Load() < 12 {
		t.Errorf("%d entered", entered.Load())
	}
}

func conditionalCreate(t *testing.T, b bench) {
	var wg sync.WaitGroup
	var created atomic.Int64
	for i := range 50 {
		wg.Go(func() {
			made := false
			err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
				made = false
				if err := tx.Lock(ctx, "Patient?gender=male"); err != nil {
					return err
				}
				page, err := tx.Search(ctx, patients(tokenIs(gender, "", "male")))
				if err != nil || len(page.Records) > 0 {
					return err
				}
				_, err = tx.Put(ctx, []store.Write{b.put(fmt.Sprintf("Patient/%d", i), 0, "", token(gender, "", "male"))})
				made = err == nil
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if made {
				created.Add(1)
			}
		})
	}
	wg.Wait()
	if n, err := b.Count(b.ctx, patients(nil)); n != 1 || created.Load() != 1 || err != nil {
		t.Errorf("%d resources, %d creates, %v", n, created.Load(), err)
	}
}

func noDeadlock(t *testing.T, b bench) {
	ids := []string{"Patient/1", "Patient/2", "Patient/3", "Observation/1", "Observation/2", "Encounter/1"}
	for _, id := range ids {
		b.write(t, b.put(id, 0, ""))
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 15 {
				var writes []store.Write
				for k := range ids {
					id := ids[(g*5+i*(g%3+1)+k*(1+g%2*4))%len(ids)]
					writes = append(writes, b.put(id, store.Any, ""))
				}
				half := len(writes) / 2
				err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
					if _, err := tx.Put(ctx, writes[:half]); err != nil {
						return err
					}
					if err := tx.Require(ctx, []fhir.Key{writes[len(writes)-1].Key}); err != nil {
						return err
					}
					_, err := tx.Put(ctx, writes[half:])
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if r, err := b.Read(b.ctx, key(id)); err != nil || r.Version != 1+8*15 {
			t.Errorf("%s: version %d, %v", id, r.Version, err)
		}
	}
}

func endedContext(t *testing.T, b bench) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	err := b.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{b.put("Patient/a", 0, "")})
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Write: %v", err)
	}
	if _, err := b.Read(b.ctx, key("Patient/a")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Read: %v", err)
	}
}

func thousandWrites(t *testing.T, b bench) {
	const n = 1000
	writes := make([]store.Write, n)
	for i := range writes {
		writes[i] = b.put(fmt.Sprintf("Observation/%d", i), 0, "", token(code, "s", fmt.Sprint(i%10)), refer(subject, fmt.Sprintf("Patient/%d", i%50)), day(date, i))
	}
	records := b.write(t, writes...)
	for i := 1; i < n; i++ {
		if records[i].Seq <= records[i-1].Seq || records[i].Key != writes[i].Key {
			t.Fatalf("record %d: %+v after %+v", i, records[i], records[i-1])
		}
	}
	if got, err := b.Count(b.ctx, observations(tokenIs(code, "s", "3"))); got != n/10 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	for i := range writes {
		writes[i] = b.put(fmt.Sprintf("Observation/%d", i), 1, "", token(code, "s", fmt.Sprint(i%5)), day(date, i))
	}
	b.write(t, writes...)
	if got, err := b.Count(b.ctx, observations(tokenIs(code, "s", "3"))); got != n/5 || err != nil {
		t.Errorf("after updates: %d, %v", got, err)
	}
}

func readersAndWriters(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""))
	stop := make(chan struct{})
	wg := b.readers(t, stop, observations(tokenIs(code, "s", "c")))
	for i := range 30 {
		b.write(t, b.put(fmt.Sprintf("Observation/%d", i), 0, "", token(code, "s", "c")))
		if n, err := b.Count(b.ctx, observations(tokenIs(code, "s", "c"))); n != int64(i+1) || err != nil {
			t.Errorf("a read after write %d sees %d, %v", i, n, err)
		}
	}
	close(stop)
	wg.Wait()
}
