package audit

import (
	"context"
	"slices"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Query selects events.
type Query struct {
	Patient      string            // "Patient/maria": whose data they touched
	Concealed    bool              // also those that tell of what was hidden of the patient's
	Agent        string            // a user's id, own resource, or a client's id
	Since, Until time.Time         // zero for no limit; inclusive
	Match        func(*Event) bool // nil: all
	Newest       bool              // the newest first, by number
	From         int64             // numbers from there
	Before       int64             // numbers below; 0 for no limit
	Limit        int               // events
	// needs are terms, one of each list of which an event has that Match takes; nil:
	// that is not known.
	needs [][]term
}

// Found is some of what a query selects.
type Found struct {
	Events []*Event
	// Next is where to go on: Query.Before when the newest come first, else
	// Query.From. -1 at the end. A page may have fewer events than Limit, or none, and
	// not be the last: it looks at so many.
	Next int64
}

// Bounds of a page: how many blocks it looks at, and of how many the summaries.
const (
	maxLooked  = 400
	maxSkimmed = 20_000
)

// Find returns the numbered events that a query selects. Seal first, to have them
// all.
func (l *Log) Find(ctx context.Context, q Query) (Found, error) {
	return Find(ctx, l.store, q)
}

// Find is Log.Find of a log that nobody need have open.
func Find(ctx context.Context, s store.Audit, q Query) (Found, error) {
	f := &finder{Query: q, store: s}
	for f.looked < maxLooked && f.skimmed < maxSkimmed {
		blocks, err := f.chunk(ctx)
		if err != nil {
			return Found{}, err
		}
		if len(blocks) == 0 {
			f.found.Next = -1
			return f.found, nil
		}
		for _, one := range blocks {
			full, err := f.look(ctx, one)
			if err != nil || full {
				return f.found, err
			}
		}
	}
	return f.found, nil
}

// How many blocks, and summaries of blocks, are read at a time.
const (
	chunkBlocks    = 8
	chunkSummaries = 128
)

type finder struct {
	Query
	store store.Audit
	found Found
	done  bool // the first event was looked at

	looked, skimmed int // blocks
}

// candidate is a block with the places in it that have the query's key; nil for
// all.
type candidate struct {
	store.AuditBlock
	at []int
}

// chunk reads the next blocks.
func (f *finder) chunk(ctx context.Context) ([]candidate, error) {
	if f.done {
		return nil, nil
	}
	r := store.AuditRange{From: f.From, Before: f.Before, Since: f.Since, Until: f.Until, Newest: f.Newest, Limit: chunkBlocks}
	key, keyed := f.key()
	if !keyed && f.needs != nil {
		r.Summaries, r.Limit = true, chunkSummaries
	}
	if !keyed {
		blocks, err := f.store.AuditBlocks(ctx, r)
		var all []candidate
		for _, b := range blocks {
			all = append(all, candidate{AuditBlock: b})
		}
		return all, err
	}
	// A block may begin before From and reach beyond it.
	if r.From > 0 {
		blocks, err := f.store.AuditBlocks(ctx, store.AuditRange{From: r.From, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(blocks) > 0 {
			r.From = min(r.From, blocks[0].First)
		}
	}
	list, err := f.store.AuditPostings(ctx, key, r)
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, p := range list {
		blocks, err := f.store.AuditBlocks(ctx, store.AuditRange{From: p.First, Before: p.First + 1, Limit: 1})
		if err != nil {
			return nil, err
		}
		for _, b := range blocks {
			all = append(all, candidate{b, places(p)})
		}
	}
	return all, nil
}

func (f *finder) key() (int64, bool) {
	switch {
	case f.Patient != "":
		return keyOf(keyPatient, f.Patient), true
	case f.Agent != "":
		return keyOf(keyAgent, f.Agent), true
	}
	return 0, false
}

// look takes what the query selects of a block, and says whether the page is full.
func (f *finder) look(ctx context.Context, c candidate) (full bool, err error) {
	if c.Body == nil {
		f.skimmed++
	}
	if !f.skips(&c) {
		f.looked++
		if full, err = f.open(ctx, c); err != nil || full {
			return full, err
		}
	}
	if f.Newest {
		f.pass(c.First)
	} else {
		f.pass(c.First + int64(c.Count) - 1)
	}
	return false, nil
}

// skips says whether a block has nothing that the query selects.
func (f *finder) skips(c *candidate) bool {
	inTime := (f.Since.IsZero() || !c.Until.Before(f.Since)) && (f.Until.IsZero() || !c.Since.After(f.Until))
	return !inTime || c.Body == nil && !may(c.Summary, f.needs)
}

// open takes what the query selects of a block that it does not skip.
func (f *finder) open(ctx context.Context, c candidate) (full bool, err error) {
	if c.Body == nil {
		blocks, err := f.store.AuditBlocks(ctx, store.AuditRange{From: c.First, Before: c.First + 1, Limit: 1})
		if err != nil || len(blocks) == 0 {
			return false, err
		}
		c.AuditBlock = blocks[0]
	}
	at := c.at
	if at == nil {
		at = make([]int, c.Count)
		for i := range at {
			at[i] = i
		}
	}
	b, err := blockOf(c.AuditBlock)
	if err != nil {
		return false, err
	}
	if f.Newest {
		at = slices.Clone(at)
		slices.Reverse(at)
	}
	for _, i := range at {
		n := c.First + int64(i)
		if i >= len(b.parts) || n < f.From || f.Before > 0 && n >= f.Before {
			continue
		}
		e, err := b.event(i)
		if err != nil {
			return false, err
		}
		if !f.selects(e) {
			continue
		}
		f.found.Events = append(f.found.Events, e)
		if len(f.found.Events) == f.Limit {
			f.pass(n)
			return true, nil
		}
	}
	return false, nil
}

// pass notes that all up to an event has been looked at.
func (f *finder) pass(n int64) {
	if !f.Newest {
		f.From = n + 1
		f.found.Next = f.From
		return
	}
	f.Before, f.found.Next = n, n
	if n == 0 {
		f.done, f.found.Next = true, -1
	}
}

func (f *finder) selects(e *Event) bool {
	if e.Erased {
		return false
	}
	// A key is a hash, which another one may share.
	if f.Patient != "" && !slices.ContainsFunc(e.Patients, func(p Patient) bool { return p.Key == f.Patient }) &&
		(!f.Concealed || !slices.Contains(e.Hidden.Patients, f.Patient)) {
		return false
	}
	if a := &e.Agent; f.Agent != "" && a.User != f.Agent && a.Is != f.Agent && a.Client != f.Agent {
		return false
	}
	if !f.Since.IsZero() && e.Time.Before(f.Since) || !f.Until.IsZero() && e.Time.After(f.Until) {
		return false
	}
	return f.Match == nil || f.Match(e)
}

// Event returns one numbered event; store.ErrNotFound.
func (l *Log) Event(ctx context.Context, number int64) (*Event, error) {
	b, err := l.block(ctx, number)
	if err != nil {
		return nil, err
	}
	return b.event(int(number - b.first))
}

// block is the block that holds an event.
func (l *Log) block(ctx context.Context, number int64) (*block, error) {
	if number < 0 {
		return nil, store.ErrNotFound
	}
	blocks, err := l.store.AuditBlocks(ctx, store.AuditRange{From: number, Before: number + 1, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(blocks) == 0 {
		return nil, store.ErrNotFound
	}
	b, err := blockOf(blocks[0])
	if err == nil && number >= b.first+int64(len(b.leaves)) {
		err = store.ErrNotFound
	}
	return b, err
}
