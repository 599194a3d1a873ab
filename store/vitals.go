package store

import "time"

// Vitals is how a database is.
type Vitals struct {
	Bytes   int64 // of the tenant's tables and indexes; on SQLite of its files, the audit log's included
	Commits int64 // of writes, by this process
	// Connections of this process: how many there may be, are open, and are in use.
	MaxConnections, Connections, Busy int
	// CacheBytes is the memory of the page caches of all tenants of this process; 0 where
	// the database has its own.
	CacheBytes int64
	// Now is the database's clock; that of this machine where the database has none.
	Now time.Time
	// FeedHeld is for how long a transaction has been open beyond which Changes does not
	// read; 0 when there is none.
	FeedHeld time.Duration
	Version  string // of the database
}
