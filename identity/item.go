package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inglehealth/ingle/store"
)

// read decodes an item into a fresh value and returns its version; ErrNotFound
// when there is none, as of an id that comes from outside and cannot be one.
func (s *Service) read(ctx context.Context, kind, id string, into any) (int64, error) {
	i, err := readItem(ctx, s.config.Store, kind, id)
	if err != nil {
		return 0, err
	}
	return i.Version, decode(i, into)
}

// readItem reads an item by an id from anywhere; ErrNotFound.
func readItem(ctx context.Context, items store.Identity, kind, id string) (store.Item, error) {
	if !utf8.ValidString(id) || strings.Contains(id, "\x00") {
		return store.Item{}, ErrNotFound
	}
	i, err := items.ReadItem(ctx, kind, id)
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNotFound
	}
	return i, err
}

func decode(i store.Item, into any) error {
	if err := json.Unmarshal(i.Body, into); err != nil {
		return fmt.Errorf("identity: %s %s: %w", i.Kind, i.ID, err)
	}
	return nil
}

// changes are made together or not at all.
type changes struct {
	list  []store.ItemChange
	epoch bool // something that was allowed no longer is
	err   error
}

// put writes an item that must have the version expect: 0 for a new one,
// store.Any for whatever there is.
func (c *changes) put(kind, id string, expect int64, body any, expires time.Time, keys ...store.ItemKey) {
	text, err := json.Marshal(body)
	if err != nil {
		c.err = errors.Join(c.err, fmt.Errorf("identity: %s %s: %w", kind, id, err))
	}
	c.list = append(c.list, store.ItemChange{
		Item: store.Item{Kind: kind, ID: id, Expires: expires, Keys: keys, Body: text}, Expect: expect,
	})
}

// remove deletes an item that must have the version expect.
func (c *changes) remove(kind, id string, expect int64) {
	c.list = append(c.list, store.ItemChange{Item: store.Item{Kind: kind, ID: id}, Expect: expect, Delete: true})
}

// write makes changes; ErrConflict when a version was not as expected.
func (s *Service) write(ctx context.Context, c *changes) error {
	if c.err != nil || len(c.list) == 0 {
		return c.err
	}
	err := s.config.Store.WriteItems(ctx, c.epoch, c.list...)
	if errors.Is(err, store.ErrVersion) {
		return ErrConflict
	}
	return err
}

// retries is how often a change is tried again when another process, or
// another request, came between.
const retries = 8

// again repeats f while it meets ErrConflict; ErrBusy in the end.
func again(f func() error) error {
	for range retries {
		if err := f(); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return ErrBusy
}
