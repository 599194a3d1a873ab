package audit

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/store"
)

// Erase takes what an event says out of the log for good. Its leaf stays, so that
// all proofs go on to hold. store.ErrNotFound when there is no such event.
func (l *Log) Erase(ctx context.Context, number int64) error { return Erase(ctx, l.store, number) }

// Erase is Log.Erase of a log that nobody need have open.
func Erase(ctx context.Context, s store.Audit, number int64) error {
	return erasing(ctx, s, number, (*block).erase)
}

// ErasePatient takes out of an event that tells of several patients what it says of
// one, a key like "Patient/maria", and what was asked for if that names the patient.
// The leaf stays. store.ErrNotFound when the event does not tell of the patient.
func ErasePatient(ctx context.Context, s store.Audit, number int64, patient string) error {
	return erasing(ctx, s, number, func(b *block, at int) error { return b.erasePatient(at, patient) })
}

// erasing erases a part of an event, again while others change its block.
func erasing(ctx context.Context, s store.Audit, number int64, erase func(b *block, at int) error) error {
	l := &Log{store: s}
	for range 10 {
		err := l.erase(ctx, number, erase)
		if !errors.Is(err, store.ErrVersion) {
			return err
		}
	}
	return store.ErrVersion
}

func (l *Log) erase(ctx context.Context, number int64, erase func(b *block, at int) error) error {
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
	if err := erase(b, at); err != nil {
		return err
	}
	// The index says whose data the event touched.
	var gone []store.AuditPosting
	entries := make([]*entry, len(b.leaves))
	for i := range entries {
		entries[i] = &entry{terms: []term{}}
		if len(b.parts[i]) > 0 {
			other, err := b.event(i)
			if err != nil {
				return err
			}
			entries[i].keys, entries[i].terms = other.keys(), other.terms(nil)
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
	return l.store.ReplaceAuditBlock(ctx, b.first, blocks[0].Body, b.encode(), summaryOf(entries), gone)
}

func (b *block) erase(at int) error {
	b.parts[at], b.salts[at] = nil, salt{}
	return nil
}

// erasePatient leaves the hashes of what goes. What stays has salts of its own from
// then on, since that of the event would tell who guesses what went.
func (b *block) erasePatient(at int, patient string) error {
	e, err := b.event(at)
	if err != nil {
		return err
	}
	of := slices.IndexFunc(e.Patients, func(p Patient) bool { return p.Key == patient })
	if of < 0 && !slices.Contains(e.Hidden.Patients, patient) {
		return store.ErrNotFound
	}
	id := strings.TrimPrefix(patient, "Patient/")
	parts := b.parts[at]
	for i, part := range parts {
		own, text, hash := openPart(b.salts[at], i, part)
		switch {
		case of >= 0 && i == of+2, i == 1 && (strings.Contains(e.Target, id) || strings.Contains(e.Query, id)), tellsGrounds(text) && bytes.Contains(text, []byte(patient+`"`)):
			parts[i] = append([]byte{partErased}, hash[:]...)
		case text != nil:
			parts[i] = append(append([]byte{partSalted}, own[:]...), text...)
		}
	}
	b.salts[at] = salt{}
	return nil
}
