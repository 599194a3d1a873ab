package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/store"
)

var auditCases = []testCase{
	{"groups of events are sealed in the order in which they came", auditSealed},
	{"what many append and seal at once is sealed once", auditTogether},
	{"of a spool that many take up at once everything goes once", auditTakenUp},
	{"a seal that fails leaves all as it was", auditUnsealed},
	{"blocks are found by number and by time", auditBlocks},
	{"postings are found by key", auditPostings},
	{"a block is replaced by who knows what it was", auditReplaced},
	{"another log is copied where nothing is numbered", auditCopied},
	{"signers are swapped by who knows what they were", auditSigners},
}

// sealing makes a seal of all groups, one event each.
func sealing(last store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
	s := &store.AuditSeal{
		Groups: len(groups),
		Block: store.AuditBlock{
			First: last.Size, Count: len(groups), Since: at(int(last.Size)), Until: at(int(last.Size) + len(groups) - 1), Body: bytes.Join(groups, []byte(",")),
			Summary: append([]byte("of "), bytes.Join(groups, []byte(","))...),
		},
		Postings: []store.AuditPosting{{Key: 7, First: last.Size, At: []byte{0}}, {Key: -last.Size - 1, First: last.Size, At: []byte{1}}},
		Nodes:    []store.AuditNode{{ID: last.Size, Hash: fmt.Appendf(nil, "hash %d", last.Size)}},
	}
	s.Head = store.AuditHead{Size: last.Size + int64(len(groups)), Note: []byte("note")}
	return s, nil
}

// logged appends and seals groups, in blocks of so many.
func (b bench) logged(t *testing.T, blocks ...[]string) {
	t.Helper()
	for _, groups := range blocks {
		for _, g := range groups {
			if err := b.AppendAudit(b.ctx, []byte(g)); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := b.SealAudit(b.ctx, 100, sealing); err != nil || n != len(groups) {
			t.Fatalf("sealed %d of %d: %v", n, len(groups), err)
		}
	}
}

func (b bench) auditBodies(t *testing.T, r store.AuditRange) []string {
	t.Helper()
	if r.Limit == 0 {
		r.Limit = 100
	}
	blocks, err := b.AuditBlocks(b.ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, one := range blocks {
		all = append(all, string(one.Body))
	}
	return all
}

func auditSealed(t *testing.T, b bench) {
	if h, err := b.AuditHead(b.ctx); err != nil || h.Size != 0 || h.Note != nil {
		t.Errorf("the head of an empty log: %+v, %v", h, err)
	}
	never := func(store.AuditHead, [][]byte) (*store.AuditSeal, error) { panic("there is nothing to seal") }
	if n, err := b.SealAudit(b.ctx, 10, never); n != 0 || err != nil {
		t.Errorf("sealed %d, %v", n, err)
	}
	for _, g := range []string{"a", "b", "c"} {
		if err := b.AppendAudit(b.ctx, []byte(g)); err != nil {
			t.Fatal(err)
		}
	}
	// Two are offered, and one is taken.
	n, err := b.SealAudit(b.ctx, 2, func(last store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
		if len(groups) != 2 {
			t.Errorf("%d groups are offered", len(groups))
		}
		return sealing(last, groups[:1])
	})
	if n != 1 || err != nil {
		t.Errorf("sealed %d, %v", n, err)
	}
	if n, err := b.SealAudit(b.ctx, 10, sealing); n != 2 || err != nil {
		t.Errorf("sealed %d, %v", n, err)
	}
	if diff := cmp.Diff([]string{"a", "b,c"}, b.auditBodies(t, store.AuditRange{})); diff != "" {
		t.Error(diff)
	}
	h, err := b.AuditHead(b.ctx)
	if diff := cmp.Diff(store.AuditHead{Size: 3, Note: []byte("note")}, h); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if err := b.FlushAudit(b.ctx); err != nil {
		t.Error(err)
	}
	nodes, err := b.AuditNodes(b.ctx, []int64{1, 0, 5})
	slices.SortFunc(nodes, func(a, b store.AuditNode) int { return int(a.ID - b.ID) })
	if diff := cmp.Diff([]store.AuditNode{{ID: 0, Hash: []byte("hash 0")}, {ID: 1, Hash: []byte("hash 1")}}, nodes); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func auditTogether(t *testing.T, b bench) {
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if err := b.AppendAudit(b.ctx, fmt.Appendf(nil, "%d.%d", w, n)); err != nil {
					t.Error(err)
				}
				if n%3 == 0 {
					if _, err := b.SealAudit(b.ctx, 10, sealing); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	for n := 1; n > 0; {
		var err error
		if n, err = b.SealAudit(b.ctx, 10, sealing); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	next := int64(0)
	blocks, err := b.AuditBlocks(b.ctx, store.AuditRange{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range blocks {
		if one.First != next {
			t.Errorf("a block begins at %d where %d comes next", one.First, next)
		}
		next += int64(one.Count)
		for _, g := range bytes.Split(one.Body, []byte(",")) {
			if seen[string(g)] {
				t.Errorf("%s is there twice", g)
			}
			seen[string(g)] = true
		}
	}
	if len(seen) != writers*each {
		t.Errorf("%d of %d groups are there", len(seen), writers*each)
	}
}

func auditUnsealed(t *testing.T, b bench) {
	b.logged(t, []string{"a"})
	if err := b.AppendAudit(b.ctx, []byte("b")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if _, err := b.SealAudit(b.ctx, 10, func(store.AuditHead, [][]byte) (*store.AuditSeal, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("the error of the function: %v", err)
	}
	// A block that is there already.
	if _, err := b.SealAudit(b.ctx, 10, func(_ store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
		return sealing(store.AuditHead{}, groups)
	}); err == nil {
		t.Error("two blocks begin at one number")
	}
	if n, err := b.SealAudit(b.ctx, 10, sealing); n != 1 || err != nil {
		t.Errorf("sealed %d, %v", n, err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, b.auditBodies(t, store.AuditRange{})); diff != "" {
		t.Error(diff)
	}
}

func auditBlocks(t *testing.T, b bench) {
	b.logged(t, []string{"a", "b", "c"}, []string{"d"}, []string{"e", "f"})
	for _, c := range []struct {
		r    store.AuditRange
		want []string
	}{
		{store.AuditRange{}, []string{"a,b,c", "d", "e,f"}},
		{store.AuditRange{Newest: true}, []string{"e,f", "d", "a,b,c"}},
		{store.AuditRange{Limit: 1, Newest: true}, []string{"e,f"}},
		{store.AuditRange{From: 2}, []string{"a,b,c", "d", "e,f"}},
		{store.AuditRange{From: 3}, []string{"d", "e,f"}},
		{store.AuditRange{From: 5}, []string{"e,f"}},
		{store.AuditRange{From: 6}, nil},
		{store.AuditRange{From: 1, Before: 4}, []string{"a,b,c", "d"}},
		{store.AuditRange{Before: 3, Newest: true}, []string{"a,b,c"}},
		{store.AuditRange{Since: at(3)}, []string{"d", "e,f"}},
		{store.AuditRange{Until: at(2)}, []string{"a,b,c"}},
		{store.AuditRange{Since: at(1), Until: at(3)}, []string{"a,b,c", "d"}},
		{store.AuditRange{Since: at(6)}, nil},
	} {
		if diff := cmp.Diff(c.want, b.auditBodies(t, c.r)); diff != "" {
			t.Errorf("%+v: %s", c.r, diff)
		}
	}
	blocks, err := b.AuditBlocks(b.ctx, store.AuditRange{From: 4, Limit: 1})
	if diff := cmp.Diff([]store.AuditBlock{{First: 4, Count: 2, Since: at(4), Until: at(5), Body: []byte("e,f")}}, blocks); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func auditPostings(t *testing.T, b bench) {
	b.logged(t, []string{"a", "b"}, []string{"c"}, []string{"d"})
	firsts := func(r store.AuditRange) (all []int64) {
		r.Limit = max(r.Limit, 2)
		list, err := b.AuditPostings(b.ctx, 7, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			all = append(all, p.First)
		}
		return all
	}
	for _, c := range []struct {
		r    store.AuditRange
		want []int64
	}{
		{store.AuditRange{}, []int64{0, 2}},
		{store.AuditRange{Newest: true}, []int64{3, 2}},
		{store.AuditRange{Newest: true, Before: 3}, []int64{2, 0}},
		{store.AuditRange{From: 2, Limit: 5}, []int64{2, 3}},
	} {
		if diff := cmp.Diff(c.want, firsts(c.r)); diff != "" {
			t.Errorf("%+v: %s", c.r, diff)
		}
	}
	var all []store.AuditPosting
	var last store.AuditPosting
	for {
		some, err := b.AllAuditPostings(b.ctx, last, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			break
		}
		all = append(all, some...)
		last = some[len(some)-1]
	}
	want := []store.AuditPosting{
		{Key: -4, First: 3, At: []byte{1}}, {Key: -3, First: 2, At: []byte{1}}, {Key: -1, First: 0, At: []byte{1}},
		{Key: 7, First: 0, At: []byte{0}}, {Key: 7, First: 2, At: []byte{0}}, {Key: 7, First: 3, At: []byte{0}},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

func auditReplaced(t *testing.T, b bench) {
	b.logged(t, []string{"a"}, []string{"b"})
	if err := b.ReplaceAuditBlock(b.ctx, 0, []byte("x"), []byte("y"), nil, nil); !errors.Is(err, store.ErrVersion) {
		t.Errorf("another body: %v", err)
	}
	changed := []store.AuditPosting{{Key: 7, First: 0, At: []byte{9}}, {Key: -1, First: 0}}
	if err := b.ReplaceAuditBlock(b.ctx, 0, []byte("a"), []byte("y"), []byte("told anew"), changed); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"y", "b"}, b.auditBodies(t, store.AuditRange{})); diff != "" {
		t.Error(diff)
	}
	summaries := func() (all []string) {
		blocks, err := b.AuditBlocks(b.ctx, store.AuditRange{Summaries: true, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range blocks {
			if one.Body != nil {
				t.Errorf("a summary came with the body %q", one.Body)
			}
			all = append(all, string(one.Summary))
		}
		return all
	}
	if diff := cmp.Diff([]string{"told anew", "of b"}, summaries()); diff != "" {
		t.Error(diff)
	}
	if err := b.ReplaceAuditBlock(b.ctx, 1, []byte("b"), []byte("z"), nil, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"told anew", ""}, summaries()); diff != "" {
		t.Error(diff)
	}
	all, err := b.AllAuditPostings(b.ctx, store.AuditPosting{}, 10)
	want := []store.AuditPosting{{Key: -2, First: 1, At: []byte{1}}, {Key: 7, First: 0, At: []byte{9}}, {Key: 7, First: 1, At: []byte{0}}}
	if diff := cmp.Diff(want, all); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func auditTakenUp(t *testing.T, b bench) {
	// A spool of five groups, of which somebody has a copy with three.
	take := func(name string, n, was int) (int, error) {
		for at := was; at < n; at++ {
			if err := b.TakeUpAudit(b.ctx, fmt.Appendf(nil, "%s %d", name, at), name, int64(at), int64(at+1)); err != nil {
				return at, err
			}
		}
		return n, nil
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			n, at := 5-2*(i%2), 0
			for at < n {
				var err error
				if at, err = take("one", n, at); err == nil {
					continue
				}
				if !errors.Is(err, store.ErrVersion) {
					t.Error(err)
					return
				}
				at++ // somebody took it
			}
		})
	}
	wg.Wait()
	if _, err := take("other", 2, 0); err != nil {
		t.Error(err)
	}
	if err := b.TakeUpAudit(b.ctx, []byte("again"), "one", 2, 3); !errors.Is(err, store.ErrVersion) {
		t.Errorf("what was taken up is taken up again: %v", err)
	}
	if err := b.TakeUpAudit(b.ctx, []byte("one 7"), "one", 7, 8); err != nil {
		t.Errorf("what lies behind it: %v", err)
	}
	var all []string
	if _, err := b.SealAudit(b.ctx, 100, func(last store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
		for _, g := range groups {
			all = append(all, string(g))
		}
		return sealing(last, groups)
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one 0", "one 1", "one 2", "one 3", "one 4", "other 0", "other 1", "one 7"}, all); diff != "" {
		t.Error(diff)
	}
}

func auditSigners(t *testing.T, b bench) {
	if value, err := b.AuditSigners(b.ctx); value != nil || err != nil {
		t.Errorf("at first: %q, %v", value, err)
	}
	if err := b.SwapAuditSigners(b.ctx, []byte("x"), []byte("y")); !errors.Is(err, store.ErrVersion) {
		t.Errorf("none is there: %v", err)
	}
	if err := b.SwapAuditSigners(b.ctx, nil, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := b.SwapAuditSigners(b.ctx, nil, []byte("two")); !errors.Is(err, store.ErrVersion) {
		t.Errorf("one is there: %v", err)
	}
	if err := b.SwapAuditSigners(b.ctx, []byte("one"), []byte("two")); err != nil {
		t.Fatal(err)
	}
	if value, err := b.AuditSigners(b.ctx); string(value) != "two" || err != nil {
		t.Errorf("in the end: %q, %v", value, err)
	}
}

func auditCopied(t *testing.T, b bench) {
	copied := func(c store.AuditCopy) {
		t.Helper()
		if err := b.CopyAudit(b.ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	block := func(first int64, body string) store.AuditBlock {
		return store.AuditBlock{First: first, Count: 1, Since: at(int(first)), Until: at(int(first)), Body: []byte(body)}
	}
	if err := b.AppendAudit(b.ctx, []byte("own")); err != nil {
		t.Fatal(err)
	}
	copied(store.AuditCopy{Begin: true, Blocks: []store.AuditBlock{block(0, "left"), block(1, "over")}, Nodes: []store.AuditNode{{ID: 1, Hash: []byte("h")}}})
	copied(store.AuditCopy{Begin: true, Blocks: []store.AuditBlock{block(0, "a")}})
	copied(store.AuditCopy{Blocks: []store.AuditBlock{block(1, "b")}, Nodes: []store.AuditNode{{ID: 1, Hash: []byte("hash")}}})
	copied(store.AuditCopy{Postings: []store.AuditPosting{{Key: 7, First: 1, At: []byte{0}}}})
	if h, err := b.AuditHead(b.ctx); err != nil || h.Size != 0 {
		t.Errorf("before the end: %+v, %v", h, err)
	}
	copied(store.AuditCopy{Head: store.AuditHead{Size: 2, Note: []byte("note")}})
	if err := b.CopyAudit(b.ctx, store.AuditCopy{Begin: true}); !errors.Is(err, store.ErrVersion) {
		t.Errorf("over a log: %v", err)
	}
	if n, err := b.SealAudit(b.ctx, 10, sealing); n != 1 || err != nil {
		t.Errorf("sealed %d, %v", n, err)
	}
	if diff := cmp.Diff([]string{"a", "b", "own"}, b.auditBodies(t, store.AuditRange{})); diff != "" {
		t.Error(diff)
	}
	list, err := b.AuditPostings(b.ctx, 7, store.AuditRange{Limit: 10})
	if diff := cmp.Diff([]store.AuditPosting{{Key: 7, First: 1, At: []byte{0}}, {Key: 7, First: 2, At: []byte{0}}}, list); diff != "" || err != nil {
		t.Error(diff, err)
	}
	nodes, err := b.AuditNodes(b.ctx, []int64{1, 2})
	if err != nil || len(nodes) != 2 {
		t.Errorf("%v, %v", nodes, err)
	}
}
