package records

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/inglehealth/ingle/store"
)

// itemsAtOnce is how many items are read or written together.
const itemsAtOnce = 200

// items moves what identity remembers, as it is: users, clients, grants, tokens.
// What an earlier run moved and the source no longer has is removed.
func (m *migration) items(ctx context.Context) error {
	there := map[string]map[string]bool{}
	err := m.from.eachItems(ctx, func(items []store.Item) error {
		changes := make([]store.ItemChange, len(items))
		for i, item := range items {
			if there[item.Kind] == nil {
				there[item.Kind] = map[string]bool{}
			}
			there[item.Kind][item.ID] = true
			changes[i] = store.ItemChange{Item: item, Expect: store.Any}
		}
		return m.to.store.WriteItems(ctx, false, changes...)
	})
	if err != nil {
		return err
	}
	return m.to.eachItems(ctx, func(items []store.Item) error {
		var gone []store.ItemChange
		for _, item := range items {
			if !there[item.Kind][item.ID] {
				gone = append(gone, store.ItemChange{Item: item, Expect: store.Any, Delete: true})
			}
		}
		if len(gone) == 0 {
			return nil
		}
		return m.to.store.WriteItems(ctx, true, gone...)
	})
}

// eachItems reads all items, kind by kind.
func (d *Door) eachItems(ctx context.Context, f func([]store.Item) error) error {
	kinds, err := d.store.ItemKinds(ctx)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		for after := ""; ; {
			items, err := d.store.ListItems(ctx, kind, after, itemsAtOnce)
			if err != nil {
				return err
			}
			if len(items) == 0 {
				break
			}
			after = items[len(items)-1].ID
			if err := f(items); err != nil {
				return err
			}
		}
	}
	return nil
}

// tallyItems counts and hashes the items.
func (d *Door) tallyItems(ctx context.Context, h hash.Hash, t *Tally) error {
	err := d.eachItems(ctx, func(items []store.Item) error {
		for _, i := range items {
			fmt.Fprintf(h, "%q %q %d %q %q\n", i.Kind, i.ID, i.Expires.UnixMicro(), i.Keys, i.Body)
		}
		t.Items += int64(len(items))
		return nil
	})
	t.ItemsHash = hex.EncodeToString(h.Sum(nil))
	return err
}
