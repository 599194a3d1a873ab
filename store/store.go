// Package store is the contract of what Ingle remembers. Package sqlite and
// package postgres keep it; storetest.Run proves it. Only records, identity,
// audit and jobs use it, and only records uses Resources.
//
// A Store holds one tenant. All methods are safe for concurrent use.
package store

import (
	"context"
	"errors"
)

// Sentinels; test with errors.Is.
var (
	ErrNotFound  = errors.New("store: no such record")
	ErrVersion   = errors.New("store: the current version is another one") // a Write's Expect was not met
	ErrMissing   = errors.New("store: a required record is missing")       // a Require was not met
	ErrFull      = errors.New("store: no space left")
	ErrClosed    = errors.New("store: closed")
	ErrAway      = errors.New("store: the database cannot be reached") // what was being written may be there or not
	ErrBadCursor = errors.New("store: cursor does not belong to this query")
	// ErrTooComplex says that a query has more conditions than the database takes.
	ErrTooComplex = errors.New("store: the query has too many conditions")
)

// Store is everything one tenant remembers.
type Store interface {
	Backups
	Resources
	Events
	Blobs
	Jobs
	Settings
	Identity
	Audit
	Limits
	// Ping says whether the database answers and can be written.
	Ping(ctx context.Context) error
	// Vitals says how the database is, as far as it can be told at once.
	Vitals(ctx context.Context) (Vitals, error)
	// Close waits for writes under way and releases everything.
	Close() error
}
