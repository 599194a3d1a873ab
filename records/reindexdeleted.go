package records

import (
	"cmp"
	"context"
	"errors"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// reindexDeleted computes anew what stays in the index of deleted resources of p.Type, of the
// versions before their deletes. Where these are expunged it stays as it is. What a delete
// leaves is no resource, so that only those that are refused are counted.
func (d *Door) reindexDeleted(ctx context.Context, o ReindexOptions, p *ReindexProgress) error {
	at, err := d.store.LastSeq(ctx)
	if err != nil {
		return err
	}
	types := []fhir.Type{p.Type}
	if p.Type == "" {
		types = d.types()
	}
	for _, t := range types {
		q := store.WalkQuery{Type: t, At: at, Deleted: true, Limit: cmp.Or(o.batch, reindexBatch)}
		for end := false; !end; {
			page, err := d.store.Walk(ctx, q)
			if err != nil {
				return err
			}
			if err := d.reindexLeft(ctx, o, page.Items, p); err != nil {
				return err
			}
			q.After, end = page.Next, page.End
		}
	}
	return nil
}

func (d *Door) reindexLeft(ctx context.Context, o ReindexOptions, deleted []store.Walked, p *ReindexProgress) error {
	for attempt := 1; ; attempt++ {
		held, err := d.indexes.held(ctx)
		if err != nil {
			return err
		}
		var items []store.Reindexed
		var refused []func()
		for _, w := range deleted {
			before, err := beforeDelete(ctx, d.store, w.Record)
			if errors.Is(err, store.ErrNotFound) || err == nil && o.release != "" && before.Release != o.release {
				continue
			}
			if err != nil {
				return err
			}
			_, entries, err := d.index(ctx, before)
			if err != nil {
				refused = append(refused, func() {
					p.Read++
					p.Refused++
					if o.Refused != nil {
						o.Refused(before.Key, before.Version, err)
					}
				})
				continue
			}
			items = append(items, store.Reindexed{Key: w.Key, Version: w.Version, Index: entries})
		}
		if len(items) > 0 {
			_, err = d.store.Reindex(ctx, held, items)
		}
		if errors.Is(err, store.ErrVersion) && attempt < attempts {
			d.indexes.expire() // another walk has begun
			continue
		}
		for _, note := range refused {
			note()
		}
		return err
	}
}
