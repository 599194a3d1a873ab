package records

import (
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// attempts bounds how often a write is prepared anew because another one came
// between.
const attempts = 20

// unit is what one write transaction does; everything slow was done before.
type unit struct {
	s       *Session
	bulk    bool
	locks   []string                                        // names that conditions lock
	check   func(ctx context.Context, r store.Reader) error // repeats the conditions under the lock
	needs   []fhir.Key                                      // must exist, unless written here
	stays   []fhir.Key                                      // as needs, sorted: the version before the first write refers to them as well
	writes  []store.Write
	drafts  []*draft                                        // of writes, those that were made of one
	deletes []fhir.Key                                      // of writes; nothing may refer to them afterwards
	former  map[fhir.Key][]byte                             // JSON of those, as far as it is at hand
	after   func(ctx context.Context, r store.Reader) error // reads that see the writes

	sole     bool // it is all that is changed for who asks
	creates  bool // of what was asked for: it was not there
	restates bool // Subscriptions are written by the server itself, not by who they are for
}

// commit runs the unit and wakes the change feed. Errors are those of the
// store, or *fault.Error.
func (d *Door) commit(ctx context.Context, u *unit) ([]store.Record, error) {
	run := d.store.Write
	if u.bulk {
		run = d.store.Import
	}
	held, err := d.indexes.register(ctx, u)
	if err != nil {
		return nil, err
	}
	if err := d.unheld(ctx, u.s, u.deletes); err != nil {
		return nil, err
	}
	if err := d.labelled(ctx, u, held); err != nil {
		return nil, err
	}
	defined, err := u.defines()
	if err != nil {
		return nil, err
	}
	locks := u.locks
	if len(defined) > 0 {
		locks = append(slices.Clip(locks), lockParameters)
	}
	consents := consentKeys(u.writes)
	if len(consents) > 0 {
		if err := d.noteUnclear(ctx, u.drafts); err != nil {
			return nil, err
		}
		locks = append(slices.Clip(locks), lockConsents)
	}
	subscribers, err := u.subscribers()
	if err != nil {
		return nil, err
	}
	actors, unnamed, err := d.changesActors(ctx, u.writes)
	if err != nil {
		return nil, err
	}
	event := d.along(ctx, u, consents)
	var written []store.Record
	err = run(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Hold(ctx, held); err != nil {
			return err
		}
		if len(locks) > 0 {
			if err := tx.Lock(ctx, locks...); err != nil {
				return err
			}
		}
		if len(defined) > 0 {
			if err := d.indexes.unchanged(ctx, tx, defined); err != nil {
				return err
			}
		}
		r := transacted{tx, d.indexes}
		if u.check != nil {
			if err := u.check(ctx, r); err != nil {
				return err
			}
		}
		if err := u.require(ctx, tx); err != nil {
			return err
		}
		patients, err := d.consenting(ctx, tx, consents)
		if err != nil {
			return err
		}
		if len(u.writes) > 0 {
			if written, err = tx.Put(ctx, u.writes); err != nil {
				return err
			}
		}
		if len(subscribers) > 0 {
			if err := tx.PutItems(ctx, subscribers...); err != nil {
				return err
			}
		}
		// After Put, which holds the deleted rows: whoever wants to refer to
		// them either came first, and is seen here, or waits and finds none.
		for _, key := range u.deletes {
			if err := u.s.unreferred(ctx, r, key, u.writes); err != nil {
				return err
			}
		}
		if len(consents) > 0 {
			now, err := d.consenting(ctx, tx, consents)
			if err != nil {
				return err
			}
			if err := d.govern(ctx, tx, append(patients, now...)); err != nil {
				return err
			}
		}
		if u.after != nil {
			if err := u.after(ctx, r); err != nil {
				return err
			}
		}
		if actors {
			if err := tx.RaiseEpoch(ctx); err != nil {
				return err
			}
		}
		return event.append(ctx, tx)
	})
	if errors.Is(err, store.ErrVersion) {
		d.indexes.expire()
	}
	if u.bulk && errors.Is(err, store.ErrVersion) {
		// What was imported before is only read after a Flush.
		err = errors.Join(err, d.store.Flush(ctx))
	}
	if err != nil {
		return nil, err
	}
	d.touchWritten(ctx, u, written)
	event.went()
	if u.bulk {
		d.unnamed.add(unnamed)
	} else {
		d.namedSince(ctx, unnamed)
	}
	if len(written) > 0 {
		d.changed.notify()
	}
	if slices.ContainsFunc(written, func(r store.Record) bool { return r.Key.Type == searchParameter }) {
		if u.bulk {
			d.indexes.unsynced.Store(true)
		} else {
			d.indexes.touched(ctx)
		}
	}
	return written, nil
}

// defines are the drafts of search parameters to be in force. Two that keep each
// other from being so are refused. What is imported is looked at when it is
// flushed.
func (u *unit) defines() (all []*draft, err error) {
	for _, w := range u.drafts {
		if !w.defines || u.bulk {
			continue
		}
		for _, other := range all {
			if rivals(&w.definition, &other.definition) {
				return nil, fault.New(fault.Unprocessable, fault.CodeDuplicate, searchParameter+".code",
					"%s and %s have one url, or one code for the same resources: choose others", other.key, w.key)
			}
		}
		all = append(all, w)
	}
	return all, nil
}

// needsOf are the keys that drafts need, sorted, without those in written.
func needsOf(written map[fhir.Key]bool, drafts ...*draft) []fhir.Key {
	var keys []fhir.Key
	for _, w := range drafts {
		for _, n := range w.needs {
			if !written[n.key] {
				keys = append(keys, n.key)
			}
		}
	}
	slices.SortFunc(keys, fhir.Key.Compare)
	return slices.Compact(keys)
}

// lockOf names the lock that conditions on a type take.
func lockOf(t fhir.Type) string { return "conditional/" + string(t) }
