package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/inglehealth/ingle/store"
)

// Verification is what a log is verified against.
type Verification struct {
	// Verifiers are the keys that may have signed checkpoints; nil takes those that
	// the log itself lists, which who can change the log can change as well.
	Verifiers []string
	// Checkpoint was taken from the log before and kept elsewhere; nil for none.
	Checkpoint []byte
	// Found is told each thing that is wrong; nil: nobody is.
	Found func(problem string)
	// Progress is told now and then how many events were read; its error ends the
	// verification. nil: nobody is.
	Progress func(events int64) error
}

// Report is what was verified.
type Report struct {
	Events, Erased, Problems int64
	Size                     int64 // as the last checkpoint says
	Root                     tlog.Hash
}

// Verify reads a whole log and says what in it is not as it was written: events
// that were altered, are missing, or stand elsewhere, by their numbers. Errors are
// those of reading, not of what was read.
func Verify(ctx context.Context, s store.Audit, v Verification) (Report, error) {
	w := &verifier{store: s, Verification: v, expected: map[int64]uint64{}, unsure: map[int64]bool{}}
	if err := w.heads(ctx); err != nil {
		return w.Report, err
	}
	if err := w.blocks(ctx); err != nil {
		return w.Report, err
	}
	if err := w.nodes(ctx); err != nil {
		return w.Report, err
	}
	w.end()
	return w.Report, w.postings(ctx)
}

// Verify verifies the log, with all that was recorded before, by the keys that its key
// file knows, unless others are given.
func (l *Log) Verify(ctx context.Context, v Verification) (Report, error) {
	if err := l.Seal(ctx); err != nil && !errors.Is(err, store.ErrFull) {
		return Report{}, err
	}
	if v.Verifiers == nil {
		var err error
		if v.Verifiers, err = Authentic(ctx, l.store, l.config.Secret); err != nil {
			return Report{}, err
		}
	}
	r, err := Verify(ctx, l.store, v)
	if err != nil || l.room.spool == nil {
		return r, err
	}
	problem, err := l.room.spool.check(v.Verifiers)
	if problem != "" {
		r.Problems++
		if v.Found != nil {
			v.Found(problem)
		}
	}
	return r, err
}

type verifier struct {
	Verification
	Report
	store      store.Audit
	last, kept *head
	tree       tree
	computed   []store.AuditNode // not compared yet
	damaged    bool              // leaves are missing: hashes above them say nothing
	expected   map[int64]uint64  // by block, the sum of its postings
	unsure     map[int64]bool    // blocks of which that cannot be told
}

func (w *verifier) problem(format string, args ...any) {
	w.Problems++
	if w.Found != nil {
		w.Found(fmt.Sprintf(format, args...))
	}
}

// heads reads the last checkpoint and the one kept elsewhere.
func (w *verifier) heads(ctx context.Context) error {
	if len(w.Verifiers) == 0 {
		signers, err := Signers(ctx, w.store)
		if err != nil {
			w.problem("%v", err)
		}
		for _, one := range signers {
			w.Verifiers = append(w.Verifiers, one.Verifier)
		}
	}
	stored, err := w.store.AuditHead(ctx)
	if err != nil {
		return err
	}
	switch h, err := openHead(stored.Note, w.Verifiers); {
	case len(stored.Note) == 0 && stored.Size == 0:
	case err != nil:
		w.problem("the last checkpoint is not good: %v", err)
	default:
		w.last = &h
		if w.Size = h.N; stored.Size != h.N {
			w.problem("the last checkpoint is of %d events, but the log says %d", h.N, stored.Size)
		}
	}
	if w.Checkpoint == nil {
		return nil
	}
	h, err := openHead(w.Checkpoint, w.Verifiers)
	if err != nil {
		w.problem("the checkpoint to compare with is not good: %v", err)
		return nil
	}
	w.kept = &h
	w.compare()
	return nil
}

// compare compares the tree with the checkpoints of its size.
func (w *verifier) compare() {
	if h := w.kept; h != nil && h.N == w.tree.size && !w.damaged && w.tree.hash() != h.Hash {
		w.problem("the first %d events are not those of the checkpoint that was kept", h.N)
	}
	if h := w.last; h != nil && h.N == w.tree.size && !w.damaged && w.tree.hash() != h.Hash {
		w.problem("the %d events are not those of the last checkpoint: some were replaced together with their hashes", h.N)
	}
}

// verifyBlocks is how many blocks are read at a time.
const verifyBlocks = 64

func (w *verifier) blocks(ctx context.Context) error {
	from := int64(0)
	for {
		// Summaries first: those of a block in which something is erased meanwhile then say
		// too much, and not too little.
		r := store.AuditRange{From: from, Limit: verifyBlocks, Summaries: true}
		summaries, err := w.store.AuditBlocks(ctx, r)
		if err != nil {
			return err
		}
		r.Summaries = false
		list, err := w.store.AuditBlocks(ctx, r)
		if err != nil {
			return err
		}
		for i, b := range list {
			if i < len(summaries) && summaries[i].First == b.First {
				b.Summary = summaries[i].Summary
			}
			if err := w.block(b); err != nil {
				return err
			}
			from = max(from, b.First+int64(max(b.Count, 1)))
		}
		if w.Progress != nil {
			if err := w.Progress(w.Events); err != nil {
				return err
			}
		}
		if len(list) == verifyBlocks {
			continue
		}
		if more, err := w.grown(ctx); err != nil || !more {
			return err
		}
	}
}

// grown says whether there is more to read than the last checkpoint that was read
// signs, because the log goes on: the head that signs it takes its place.
func (w *verifier) grown(ctx context.Context) (bool, error) {
	if w.last == nil || w.tree.size <= w.last.N {
		return false, nil
	}
	stored, err := w.store.AuditHead(ctx)
	if err != nil {
		return false, err
	}
	h, err := openHead(stored.Note, w.Verifiers)
	if err != nil || h.N <= w.last.N {
		return false, nil // end says what is wrong
	}
	w.last, w.Size = &h, h.N
	w.compare()
	return h.N > w.tree.size, nil
}

func (w *verifier) block(s store.AuditBlock) error {
	next := w.tree.size
	switch {
	case s.First > next:
		w.missing(next, s.First-1)
	case s.First < next:
		w.problem("the events from %d stand there twice", s.First)
		return nil
	}
	before := w.Problems
	defer func() { w.unsure[s.First] = w.Problems > before }()
	b, err := blockOf(s)
	if errors.Is(err, errBlock) {
		w.problem("the events %d to %d cannot be read: they were altered", s.First, s.First+int64(s.Count)-1)
		w.skip(int64(s.Count))
		return nil
	}
	if err != nil {
		return err
	}
	var entries []*entry
	for i := range b.leaves {
		entries = append(entries, w.event(b, i))
		w.computed = w.tree.add(b.leaves[i], w.computed)
		w.compare()
	}
	if since, until := spanOf(entries); w.Erased == 0 && (since.Before(s.Since) || until.After(s.Until)) {
		w.problem("the times of the events %d to %d were altered", s.First, s.First+int64(s.Count)-1)
	}
	if w.Problems == before && !intact(s.Body) {
		w.problem("bytes of the events %d to %d were altered, though nothing that they say", s.First, s.First+int64(s.Count)-1)
	}
	for _, p := range postings(s.First, entries) {
		w.expected[s.First] += sumOf(p)
	}
	if w.Problems == before {
		w.summary(s, entries)
	}
	return nil
}

// summary looks whether what a block is found by hides none of its events.
func (w *verifier) summary(s store.AuditBlock, entries []*entry) {
	for _, n := range entries {
		for _, t := range n.terms {
			if !may(s.Summary, [][]term{{t}}) {
				w.problem("the summary of the events %d to %d was altered: a search may not find them", s.First, s.First+int64(s.Count)-1)
				return
			}
		}
	}
}

// missing notes that events are not there.
func (w *verifier) missing(from, to int64) {
	w.problem("the events %d to %d are missing", from, to)
	w.skip(to - from + 1)
}

func (w *verifier) skip(n int64) {
	w.damaged = true
	w.tree.size += n
}

// event verifies one event.
func (w *verifier) event(b *block, i int) *entry {
	n := &entry{}
	number := b.first + int64(i)
	w.Events++
	if len(b.parts[i]) == 0 {
		w.Erased++
		return n
	}
	if leafOf(number, b.salts[i], b.parts[i]) != b.leaves[i] {
		w.problem("event %d was altered, or stands in the place of another", number)
		return n
	}
	e, err := b.event(i)
	if err != nil {
		w.problem("event %d cannot be read: %v", number, err)
		return n
	}
	n.time, n.keys, n.terms = e.Time.UnixMicro(), e.keys(), e.terms(nil)
	return n
}

// nodes compares the stored hashes of the tree with those of its leaves, which
// says where, when an event was replaced together with its leaf.
func (w *verifier) nodes(ctx context.Context) error {
	const some = 200
	for len(w.computed) > 0 && !w.damaged {
		batch := w.computed[:min(some, len(w.computed))]
		w.computed = w.computed[len(batch):]
		ids := make([]int64, len(batch))
		for i, n := range batch {
			ids[i] = n.ID
		}
		list, err := w.store.AuditNodes(ctx, ids)
		if err != nil {
			return err
		}
		stored := map[int64]string{}
		for _, n := range list {
			stored[n.ID] = string(n.Hash)
		}
		for _, n := range batch {
			if stored[n.ID] == string(n.Hash) {
				continue
			}
			if level, at := tlog.SplitStoredHashIndex(n.ID); level == keptLevel {
				w.problem("the hash over the events %d to %d is another: one of them was replaced together with its leaf, or the hash was altered",
					at<<level, (at+1)<<level-1)
			} else {
				w.problem("the hash over the events %d to %d is another", at<<level, (at+1)<<level-1)
			}
		}
	}
	return nil
}

// end compares where the log ends with where it should.
func (w *verifier) end() {
	size := w.tree.size
	for _, h := range []*head{w.last, w.kept} {
		if h != nil && h.N > size {
			w.problem("the events %d to %d are missing: the log was cut at its end", size, h.N-1)
			break
		}
	}
	if w.last != nil && size > w.last.N {
		w.problem("the events %d to %d were added behind the last checkpoint", w.last.N, size-1)
	}
	if w.last == nil && size > 0 && w.Problems == 0 {
		w.problem("the last checkpoint is missing")
	}
	if !w.damaged {
		w.Root = w.tree.hash()
	}
}

// postings compares the index with the events, so that none is hidden from who
// looks for it.
func (w *verifier) postings(ctx context.Context) error {
	const some = 2000
	found := map[int64]uint64{}
	var last store.AuditPosting
	for {
		list, err := w.store.AllAuditPostings(ctx, last, some)
		if err != nil {
			return err
		}
		for _, p := range list {
			found[p.First] += sumOf(p)
			last = p
			if last.At == nil {
				last.At = []byte{}
			}
		}
		if len(list) < some {
			break
		}
	}
	for first, sum := range w.expected {
		if found[first] != sum && !w.unsure[first] {
			w.problem("the index of the events from %d was altered", first)
		}
		delete(found, first)
	}
	stored, err := w.store.AuditHead(ctx)
	if err != nil {
		return err
	}
	maps.DeleteFunc(found, func(first int64, _ uint64) bool { return first >= w.tree.size && first < stored.Size }) // came meanwhile
	for first, sum := range found {
		if sum != 0 && !w.damaged && !w.unsure[first] {
			w.problem("the index has events from %d that are not there", first)
		}
	}
	return nil
}

// sumOf stands for a posting; the order of several does not matter.
func sumOf(p store.AuditPosting) uint64 {
	h := fnv.New64a()
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], uint64(p.Key))
	_, _ = h.Write(key[:])
	_, _ = h.Write(p.At)
	return h.Sum64()
}
