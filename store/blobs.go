package store

import (
	"context"
	"iter"
)

// Blobs keeps large binary content outside the rows.
type Blobs interface {
	// Create stores what r gives and returns its name (a content hash).
	CreateBlob(ctx context.Context, content iter.Seq2[[]byte, error]) (name string, size int64, err error)
	// ReadBlob returns length bytes (-1: to the end) from offset, nothing when
	// offset lies beyond the end, and the size of the whole; ErrNotFound.
	ReadBlob(ctx context.Context, name string, offset, length int64) (iter.Seq2[[]byte, error], int64, error)
	// DeleteBlob removes content, whoever stored the same; ErrNotFound.
	DeleteBlob(ctx context.Context, name string) error
}
