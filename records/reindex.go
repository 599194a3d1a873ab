package records

import (
	"cmp"
	"context"
	"errors"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// ReindexProgress says how far a reindex is, and where to go on.
type ReindexProgress struct {
	Type     fhir.Type // being worked on; "" when all types are one
	Position int64
	Read     int64 // resources read
	Written  int64 // resources whose entries were computed anew
	// Added, Removed and Unchanged are index rows of those resources.
	Added, Removed, Unchanged int64

	Skipped int64 // resources that changed meanwhile, and so are indexed already
	Refused int64 // resources that could not be read by the definitions
	Done    bool
	// State is what was to be indexed at the start; the parameters are complete
	// at the end if it is so still.
	State string
}

// ReindexOptions belong to Reindex.
type ReindexOptions struct {
	Types    []fhir.Type                                  // empty: all
	From     ReindexProgress                              // zero: from the start; otherwise where a former run stopped
	Progress func(ReindexProgress) error                  // after each batch; its error stops the run
	Refused  func(key fhir.Key, version int64, err error) // a resource that could not be indexed

	release definitions.Release // "": resources of all releases
	batch   int                 // resources indexed between two reports; 0: reindexBatch
}

// reindexBatch is how many resources are indexed between two reports.
const reindexBatch = 500

// Reindex computes the index entries of current resources anew, as the
// definitions in force have them, and what deletes left of the entries of others. Read is always Written + Skipped + Refused.
// When none is refused, the parameters of the types are complete.
func (d *Door) Reindex(ctx context.Context, o ReindexOptions) (ReindexProgress, error) {
	types := o.Types
	if len(types) == 0 {
		types = []fhir.Type{""}
	}
	p := o.From
	begun := p.Read == 0 && p.Position == 0 && p.Type == ""
	if err := d.indexes.fence(ctx); err != nil {
		return p, d.fault(err)
	}
	if begun {
		p.State = d.indexes.toWalk(types)
	}
	for _, t := range types {
		if !begun && t != p.Type {
			continue
		}
		if begun {
			p.Type, p.Position = t, 0
		}
		begun = true
		if err := d.reindexType(ctx, o, &p); err != nil {
			return p, d.fault(err)
		}
	}
	if p.Refused == 0 {
		if err := d.indexes.walked(ctx, types, p.State); err != nil {
			return p, d.fault(err)
		}
	}
	p.Done = true
	if o.Progress != nil {
		return p, o.Progress(p)
	}
	return p, nil
}

// reindexType walks the resources of p.Type that there are. Those that come
// meanwhile are indexed already.
func (d *Door) reindexType(ctx context.Context, o ReindexOptions, p *ReindexProgress) error {
	newest, err := d.store.History(ctx, store.HistoryQuery{Type: p.Type, Count: 1})
	if err != nil || len(newest.Records) == 0 {
		return err
	}
	end := store.Position(newest.Records[0].Seq)
	size := cmp.Or(o.batch, reindexBatch)
	batch := make([]store.Positioned, 0, size)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := d.reindexSome(ctx, o, batch, p); err != nil {
			return err
		}
		p.Position = int64(batch[len(batch)-1].Position)
		batch = batch[:0]
		if o.Progress != nil {
			return o.Progress(*p)
		}
		return nil
	}
	for r, err := range d.store.Each(ctx, p.Type, store.Position(p.Position)) {
		if err != nil {
			return err
		}
		if r.Position > end {
			break
		}
		if o.release != "" && r.Release != o.release {
			continue
		}
		if batch = append(batch, r); len(batch) == size {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return d.reindexDeleted(ctx, o, p)
}

func (d *Door) reindexSome(ctx context.Context, o ReindexOptions, batch []store.Positioned, p *ReindexProgress) error {
	items := make([]store.Reindexed, len(batch))
	errs := make([]error, len(batch))
	var good []store.Reindexed
	var count store.ReindexCount
	for attempt := 1; ; attempt++ {
		held, err := d.indexes.held(ctx)
		if err != nil {
			return err
		}
		err = parallel(ctx, len(batch), func(i int) {
			_, entries, err := d.index(ctx, batch[i].Record)
			items[i] = store.Reindexed{Key: batch[i].Key, Version: batch[i].Version, Index: entries}
			errs[i] = err
		})
		if err != nil {
			return err
		}
		good = good[:0]
		for i, item := range items {
			if errs[i] == nil {
				good = append(good, item)
			}
		}
		if len(good) == 0 {
			break
		}
		count, err = d.store.Reindex(ctx, held, good)
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrVersion) || attempt == attempts {
			return err
		}
		d.indexes.expire() // another walk has begun
	}
	for i, err := range errs {
		if err != nil {
			p.Refused++
			if o.Refused != nil {
				o.Refused(items[i].Key, items[i].Version, err)
			}
		}
	}
	p.Read += int64(len(batch))
	p.Written += int64(count.Replaced)
	p.Added += count.Added
	p.Removed += count.Removed
	p.Unchanged += count.Unchanged
	p.Skipped += int64(len(good) - count.Replaced)
	return nil
}
