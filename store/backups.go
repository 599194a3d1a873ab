package store

import (
	"context"
	"io"
)

// Part is a piece of a backup: a file or rows, in a form that is the database's own.
type Part struct {
	Name    string // letters, digits, '.', '-', '_' and '/'; unique in the backup
	Size    int64
	Content io.Reader // Size bytes, good until put returns
}

// Backups copies all that a store remembers while it goes on serving. Package sqlite
// and postgres each make a new store of the parts (Restore).
type Backups interface {
	// Backup calls put with one part after the other. Together they hold the store as
	// it was at one moment during the call, so all that was acknowledged before the
	// call, and of the audit log also what came until its end. An error of put ends
	// it and is returned.
	Backup(ctx context.Context, put func(Part) error) error
}
