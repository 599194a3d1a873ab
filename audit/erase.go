package audit

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/store"
)

// Erase takes what an event says out of the log for good. Its leaf stays, so that
// all proofs go on to hold. store.ErrNotFound when there is no such event.
func (l *Log) Erase(ctx context.Context, number int64) error { return Erase(ctx, l.store, number) }

// Erase is Log.Erase of a log that nobody need have open.
func Erase(ctx context.Context, s store.Audit, number int64) error {
	l := &Log{store: s}
	for range 10 {
		err := l.erase(ctx, number)
		if !errors.Is(err, store.ErrVersion) {
			return err
		}
	}
	return store.ErrVersion
}

func (l *Log) erase(ctx context.Context, number int64) error {
	if number < 0 {
		return store.ErrNotFound
	}
	blocks, err := l.store.AuditBlocks(ctx, store.AuditRange{From: number, Before: number + 1, Limit: 1})
	if err != nil {
		return err
	}
	if len(blocks) == 0 {
		return store.ErrNotFound
	}
	b, err := blockOf(blocks[0])
	if err != nil {
		return err
	}
	at := int(number - b.first)
	if at >= len(b.leaves) || len(b.parts[at]) == 0 {
		return store.ErrNotFound
	}
	e, err := b.event(at)
	if err != nil {
		return err
	}
	b.parts[at], b.salts[at] = nil, salt{}
	// The index says whose data the event touched.
	var gone []store.AuditPosting
	entries := make([]*entry, len(b.leaves))
	for i := range entries {
		entries[i] = &entry{}
		if len(b.parts[i]) > 0 {
			other, err := b.event(i)
			if err != nil {
				return err
			}
			entries[i].keys = other.keys()
		}
	}
	left := map[int64]store.AuditPosting{}
	for _, p := range postings(b.first, entries) {
		left[p.Key] = p
	}
	for _, key := range e.keys() {
		p := left[key]
		p.Key, p.First = key, b.first
		gone = append(gone, p)
	}
	return l.store.ReplaceAuditBlock(ctx, b.first, blocks[0].Body, b.encode(), gone)
}
