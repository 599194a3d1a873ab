package sqldb

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Items answers store.Identity on a database that has this package's tables.
type Items struct{ Dialect Dialect }

const itemColumns = "i.kind, i.id, i.version, i.expires, i.body"

// Read is store.Identity.ReadItem.
func (s Items) Read(ctx context.Context, db DB, kind, id string) (store.Item, error) {
	items, err := s.many(ctx, db, sql("SELECT "+itemColumns+" FROM item i WHERE i.kind = ? AND i.id = ?", kind, id))
	if err == nil && len(items) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Item{}, err
	}
	return items[0], nil
}

// Find is store.Identity.FindItems.
func (s Items) Find(ctx context.Context, db DB, kind string, key store.ItemKey, after string, limit int) ([]store.Item, error) {
	return s.many(ctx, db, sql("SELECT "+itemColumns+" FROM item_key k"+s.Dialect.with("item", "i", "", "i.kind = k.kind AND i.id = k.id")+
		" WHERE k.kind = ? AND k.name = ? AND k.value = ? AND k.id > ? ORDER BY k.id LIMIT ?", kind, key.Name, key.Value, after, int64(limit)))
}

// List is store.Identity.ListItems.
func (s Items) List(ctx context.Context, db DB, kind, after string, limit int) ([]store.Item, error) {
	return s.many(ctx, db, sql("SELECT "+itemColumns+" FROM item i WHERE i.kind = ? AND i.id > ? ORDER BY i.id LIMIT ?", kind, after, int64(limit)))
}

// Kinds is store.Identity.ItemKinds.
func (s Items) Kinds(ctx context.Context, db DB) (kinds []string, err error) {
	err = ForEach(ctx, db, "SELECT DISTINCT kind FROM item ORDER BY kind", nil, func(r Rows) error {
		var kind string
		err := r.Scan(&kind)
		kinds = append(kinds, kind)
		return err
	})
	return kinds, err
}

func (s Items) many(ctx context.Context, db DB, f fragment) ([]store.Item, error) {
	var items []store.Item
	err := ForEach(ctx, db, s.Dialect.Rebind(f.sql), f.args, func(r Rows) error {
		var i store.Item
		var expires int64
		err := r.Scan(&i.Kind, &i.ID, &i.Version, &expires, &i.Body)
		if expires != 0 {
			i.Expires = Time(expires)
		}
		items = append(items, i)
		return err
	})
	for n := range items {
		if err == nil {
			i := &items[n]
			err = ForEach(ctx, db, s.Dialect.Rebind("SELECT name, value FROM item_key WHERE kind = ? AND id = ? ORDER BY name, value"), []any{i.Kind, i.ID}, func(r Rows) error {
				var k store.ItemKey
				err := r.Scan(&k.Name, &k.Value)
				i.Keys = append(i.Keys, k)
				return err
			})
		}
	}
	return items, err
}

// Write is store.Identity.WriteItems in a transaction, but for the epoch. Changes
// are made in the order of their keys, so that two calls do not wait for each
// other.
func (s Items) Write(ctx context.Context, db Execer, changes []store.ItemChange) error {
	changes = slices.Clone(changes)
	slices.SortFunc(changes, func(a, b store.ItemChange) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	for _, c := range changes {
		if err := s.write(ctx, db, c); err != nil {
			return err
		}
	}
	return nil
}

func (s Items) write(ctx context.Context, db Execer, c store.ItemChange) error {
	expires := int64(0)
	if !c.Expires.IsZero() {
		expires = Micros(c.Expires)
	}
	var f fragment
	switch {
	case c.Delete && c.Expect == store.Any:
		f = sql("DELETE FROM item WHERE kind = ? AND id = ?", c.Kind, c.ID)
	case c.Delete:
		f = sql("DELETE FROM item WHERE kind = ? AND id = ? AND version = ?", c.Kind, c.ID, c.Expect)
	case c.Expect == store.Any:
		f = sql("INSERT INTO item (kind, id, version, expires, body) VALUES (?, ?, 1, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET version = item.version + 1, expires = excluded.expires, body = excluded.body",
			c.Kind, c.ID, expires, notNil(c.Body))
	case c.Expect == 0:
		f = sql("INSERT INTO item (kind, id, version, expires, body) VALUES (?, ?, 1, ?, ?) ON CONFLICT (kind, id) DO NOTHING", c.Kind, c.ID, expires, notNil(c.Body))
	default:
		f = sql("UPDATE item SET version = version + 1, expires = ?, body = ? WHERE kind = ? AND id = ? AND version = ?", expires, notNil(c.Body), c.Kind, c.ID, c.Expect)
	}
	n, err := db.Exec(ctx, s.Dialect.Rebind(f.sql), f.args...)
	if err == nil && n == 0 && (!c.Delete || c.Expect != store.Any) {
		err = store.ErrVersion
	}
	if err != nil {
		return err
	}
	if c.Expect != 0 {
		if _, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM item_key WHERE kind = ? AND id = ?"), c.Kind, c.ID); err != nil {
			return err
		}
	}
	if c.Delete {
		return nil
	}
	for _, k := range c.Keys {
		_, err := db.Exec(ctx, s.Dialect.Rebind("INSERT INTO item_key (kind, name, value, id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"), c.Kind, k.Name, k.Value, c.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// Sweep is store.Identity.SweepItems in a transaction.
func (s Items) Sweep(ctx context.Context, db Execer, before time.Time, limit int) (int64, error) {
	expired, err := s.many(ctx, db, sql("SELECT "+itemColumns+" FROM item i WHERE i.expires > 0 AND i.expires < ? ORDER BY i.expires LIMIT ?", Micros(before), int64(limit)))
	if err != nil {
		return 0, err
	}
	var gone int64
	for _, i := range expired {
		n, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM item WHERE kind = ? AND id = ? AND version = ?"), i.Kind, i.ID, i.Version)
		if err != nil {
			return gone, err
		}
		if n == 0 {
			continue // somebody renewed it
		}
		gone++
		if _, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM item_key WHERE kind = ? AND id = ?"), i.Kind, i.ID); err != nil {
			return gone, err
		}
	}
	return gone, nil
}
