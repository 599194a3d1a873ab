package audit

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestAnEventIsKeptAsItWas(t *testing.T) {
	b := newBench(t)
	want := seen("maria 1 2", "walter 3")
	want.Note, want.Entities = "a note", []Entity{{Creates, "Organization/x", 7}}
	b.record(want, &Event{Kind: SignIn, Status: 401, Agent: Agent{Address: "192.0.2.1"}, Note: "bad \xff text"})
	b.seal()
	got, err := b.Event(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got.Time.Equal(start.Add(2 * time.Second)) {
		t.Errorf("its time is %v", got.Time)
	}
	if got, err = b.Event(t.Context(), 1); err != nil || got.Note != "bad \ufffd text" || got.Outcome() != 4 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := b.Event(t.Context(), 2); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an event that is not there: %v", err)
	}
}

func TestManyRecordAtOnceAndNothingIsLost(t *testing.T) {
	b := benchAt(t, t.TempDir(), func(c *Config) { c.SealEvery = 5 * time.Millisecond })
	const writers, each = 16, 100
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if err := b.Record(t.Context(), &Event{Kind: Read, Status: 200, Request: fmt.Sprintf("%d.%d", w, n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.seal()
	found := map[string]bool{}
	last := map[string]int64{}
	for from := int64(0); from >= 0; {
		page, err := b.Find(t.Context(), Query{From: from, Limit: 300})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			found[e.Request] = true
			w, _, _ := strings.Cut(e.Request, ".")
			if e.Number < last[w] {
				t.Errorf("%s stands before what was recorded earlier", e.Request)
			}
			last[w] = e.Number
		}
		from = page.Next
	}
	if len(found) != writers*each {
		t.Errorf("%d of %d events are there", len(found), writers*each)
	}
	expect(t, "a busy log", b.problems(Verification{}))
}

func TestTheTreeIsThatOfRFC6962(t *testing.T) {
	b := newBench(t)
	var reader memory
	for n := range 700 {
		b.record(seen(fmt.Sprintf("p%d %d", n%7, n)))
		if n%50 == 49 || n < 20 {
			b.seal()
		}
	}
	b.seal()
	for n := range int64(700) {
		block, err := b.block(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		leaf := block.leaves[n-block.first]
		hashes, err := tlog.StoredHashes(n, leaf[:], reader)
		if err != nil {
			t.Fatal(err)
		}
		reader = append(reader, hashes...)
	}
	want, err := tlog.TreeHash(700, reader)
	if err != nil {
		t.Fatal(err)
	}
	h, err := b.store.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signers, err := Signers(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	head, err := openHead(h.Note, []string{signers[0].Verifier})
	if err != nil || head.N != 700 || head.Hash != want {
		t.Errorf("the head is %+v, want %v: %v", head.Tree, want, err)
	}
	for _, size := range []int64{1, 255, 256, 300, 512, 699, 700} {
		path, err := Consistency(t.Context(), b.store, size, 700)
		if err != nil {
			t.Fatal(err)
		}
		old, err := tlog.TreeHash(size, reader)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := pathOf(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(tlog.TreeProof(proof), 700, want, size, old); err != nil {
			t.Errorf("from %d: %v", size, err)
		}
	}
}

// memory is a tree in memory: a tlog.HashReader.
type memory []tlog.Hash

func (m memory) ReadHashes(ids []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ids))
	for i, id := range ids {
		out[i] = m[id]
	}
	return out, nil
}

func TestALogGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	for round := range 4 {
		b := benchAt(t, dir)
		b.record(seen("maria 1"), seen("walter 2"))
		if round%2 == 0 {
			b.seal()
		}
		b.shut()
	}
	b := benchAt(t, dir)
	h, err := b.store.AuditHead(t.Context())
	if err != nil || h.Size != 8 {
		t.Errorf("%d events are numbered: %v", h.Size, err)
	}
	expect(t, "after restarts", b.problems(Verification{}))
	if signers, err := Signers(t.Context(), b.store); err != nil || len(signers) != 1 {
		t.Errorf("signers %+v, %v", signers, err)
	}
}

func TestWhatACrashLeftIsNumberedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	const n = 3 * sealGroups
	for range n {
		e := seen("maria 1")
		e.Time = start
		if err := Append(t.Context(), s, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b := benchAt(t, dir)
	if h, err := b.store.AuditHead(t.Context()); err != nil || h.Size != n {
		t.Errorf("%d of %d events have their numbers: %v", h.Size, n, err)
	}
	expect(t, "after a crash", b.problems(Verification{}))
}

func TestAKeyThatCannotBeReadAnyMoreGetsASuccessor(t *testing.T) {
	dir := t.TempDir()
	b := benchAt(t, dir)
	b.record(seen("maria 1"))
	old, err := b.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.shut()
	b = benchAt(t, dir, func(c *Config) { c.Secret = plain{'n'} })
	b.record(seen("maria 1"))
	b.seal()
	signers, err := Signers(t.Context(), b.store)
	if err != nil || len(signers) != 2 || signers[0].Retired.IsZero() || !signers[1].Retired.IsZero() {
		t.Errorf("%+v, %v", signers, err)
	}
	expect(t, "with the checkpoint of the old key", b.problems(Verification{Checkpoint: old}))
	expect(t, "without the new key", b.problems(Verification{Verifiers: []string{signers[0].Verifier}}), "the last checkpoint is not good")
}

func TestAClockThatGoesBackIsSaidAndHarmless(t *testing.T) {
	b := newBench(t)
	b.record(seen("maria 1"))
	b.clock.mu.Lock()
	b.clock.now = start.Add(-24 * time.Hour)
	b.clock.mu.Unlock()
	b.record(seen("maria 2"), seen("maria 3"))
	b.seal()
	if n := strings.Count(b.out.String(), "the clock went back"); n != 1 {
		t.Errorf("it is said %d times: %s", n, b.out)
	}
	found, err := b.Find(t.Context(), Query{Patient: "Patient/maria", Limit: 10})
	if err != nil || len(found.Events) != 3 || !found.Events[1].Time.Before(found.Events[0].Time) {
		t.Errorf("%+v, %v", found.Events, err)
	}
	found, err = b.Find(t.Context(), Query{Until: start.Add(-time.Hour), Limit: 10})
	if err != nil || len(found.Events) != 2 {
		t.Errorf("by time: %+v, %v", found.Events, err)
	}
	expect(t, "after the jump", b.problems(Verification{}))
}

func TestNothingIsRecordedAfterTheEnd(t *testing.T) {
	b := newBench(t)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Record(t.Context(), seen("maria 1")); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestWhatFindGivesIsWhatIsThere(t *testing.T) {
	b := newBench(t)
	var all []*Event
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(0, 5).Draw(r, "more") {
			var patients []string
			for _, p := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 3, rapid.ID).Draw(r, "patients") {
				patients = append(patients, p+" 1")
			}
			e := seen(patients...)
			e.Agent.Client = rapid.SampledFrom([]string{"chart", "other"}).Draw(r, "client")
			b.record(e)
			e.Number = int64(len(all))
			all = append(all, e)
		}
		if rapid.Bool().Draw(r, "seal") {
			b.seal()
		}
		b.seal()
		q := Query{
			Patient: rapid.SampledFrom([]string{"", "Patient/a", "Patient/d", "Patient/none"}).Draw(r, "patient"),
			Newest:  rapid.Bool().Draw(r, "newest"), Limit: rapid.IntRange(1, 7).Draw(r, "limit"),
			From: rapid.Int64Range(0, 5).Draw(r, "from"), Before: rapid.Int64Range(0, 40).Draw(r, "before"),
		}
		if rapid.Bool().Draw(r, "by client") {
			q.Agent = "other"
		}
		var want []int64
		for _, e := range all {
			f := finder{Query: q}
			if f.selects(e) && e.Number >= q.From && (q.Before == 0 || e.Number < q.Before) {
				want = append(want, e.Number)
			}
		}
		if q.Newest {
			for i := range len(want) / 2 {
				want[i], want[len(want)-1-i] = want[len(want)-1-i], want[i]
			}
		}
		var got []int64
		for {
			found, err := b.Find(t.Context(), q)
			if err != nil {
				r.Fatal(err)
			}
			if len(found.Events) > q.Limit {
				r.Fatalf("%d events of at most %d", len(found.Events), q.Limit)
			}
			for _, e := range found.Events {
				got = append(got, e.Number)
			}
			if found.Next < 0 {
				break
			}
			if q.Newest {
				q.Before = found.Next
			} else {
				q.From = found.Next
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Error(diff)
		}
	})
}

func TestTheBytesThatAnEventTakesAreFew(t *testing.T) {
	b := newBench(t)
	const n = 1000
	for i := range n {
		e := seen(fmt.Sprintf("0198c5f2-7d31-7e3a-9b1c-%012x %d", i%300, i))
		e.Request = fmt.Sprintf("%024x", uint64(i)*0x9e3779b97f4a7c15)
		b.record(e)
	}
	b.seal()
	blocks, err := b.store.AuditBlocks(t.Context(), store.AuditRange{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, one := range blocks {
		size += len(one.Body)
	}
	t.Logf("%d bytes an event in %d blocks", size/n, len(blocks))
	if size/n > 160 {
		t.Errorf("%d bytes an event", size/n)
	}
}
