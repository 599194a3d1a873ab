package store

import (
	"context"
	"time"
)

// Item is one thing that package identity remembers: a user, a client, a grant, a
// token. The store knows nothing of it but this.
type Item struct {
	Kind, ID string
	Version  int64     // 1 for the first; rises by one at each write
	Expires  time.Time // when Sweep may remove it; zero for never
	Keys     []ItemKey // what FindItems finds it by
	Body     []byte    // JSON; the caller must not change it
}

// ItemKey is a name and a value under which items of a kind are found, several
// under one perhaps.
type ItemKey struct{ Name, Value string }

// ItemChange writes an item, or deletes it.
type ItemChange struct {
	Item
	Expect int64 // version that must be current: Any, 0 for not there, or n
	Delete bool
}

// Identity keeps items. It knows no time: whether an item has expired is the
// caller's to say.
type Identity interface {
	ReadItem(ctx context.Context, kind, id string) (Item, error) // ErrNotFound
	// FindItems returns up to limit items that have a key, in the order of their
	// IDs, after the one called after; ListItems, those of a kind.
	FindItems(ctx context.Context, kind string, key ItemKey, after string, limit int) ([]Item, error)
	ListItems(ctx context.Context, kind, after string, limit int) ([]Item, error)
	ItemKinds(ctx context.Context) ([]string, error) // of which there are items, in order
	// WriteItems makes all changes or none, durably; ErrVersion when an Expect is
	// not met. Two calls that expect the same never both succeed, in whatever
	// process they are. A kind and ID may occur once. With epoch, Epoch rises.
	WriteItems(ctx context.Context, epoch bool, changes ...ItemChange) error
	// SweepItems removes up to limit items that expired before a time and returns
	// how many went.
	SweepItems(ctx context.Context, before time.Time, limit int) (int64, error)
	// Epoch is a number that differs from what it was before any WriteItems
	// with epoch, and any transaction with Tx.RaiseEpoch, that has returned, in whatever process.
	Epoch(ctx context.Context) (int64, error)
}
