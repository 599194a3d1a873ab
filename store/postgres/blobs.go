package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// blobPiece is the size of all pieces of a blob but the last.
const blobPiece = 256 << 10

// CreateBlob implements store.Blobs. Each piece is a transaction of its own,
// so that a slow sender holds nothing up; the name is there only when all of
// it is.
func (s *Store) CreateBlob(ctx context.Context, content iter.Seq2[[]byte, error]) (name string, size int64, err error) {
	if err := s.gate.Enter(); err != nil {
		return "", 0, err
	}
	defer s.gate.Leave()
	upload := newUpload()
	defer func() {
		if err != nil {
			_, undo := s.pool.Exec(context.WithoutCancel(ctx), "DELETE FROM blob_piece WHERE upload = $1", upload)
			err = translate(errors.Join(err, undo))
		}
	}()
	hash := sha256.New()
	piece := make([]byte, 0, blobPiece)
	n := int64(0)
	flush := func() error {
		_, err := s.pool.Exec(ctx, "INSERT INTO blob_piece (upload, n, data) VALUES ($1, $2, $3)", upload, n, piece)
		n, piece = n+1, piece[:0]
		return err
	}
	for chunk, err := range content {
		if err != nil {
			return "", 0, err
		}
		hash.Write(chunk)
		size += int64(len(chunk))
		for len(chunk) > 0 {
			k := min(len(chunk), blobPiece-len(piece))
			piece, chunk = append(piece, chunk[:k]...), chunk[k:]
			if len(piece) == blobPiece {
				if err := flush(); err != nil {
					return "", 0, err
				}
			}
		}
	}
	if len(piece) > 0 {
		if err := flush(); err != nil {
			return "", 0, err
		}
	}
	name = hex.EncodeToString(hash.Sum(nil))
	return name, size, pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "INSERT INTO blob (name, upload, size) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING", name, upload, size)
		if err == nil && tag.RowsAffected() == 0 {
			_, err = tx.Exec(ctx, "DELETE FROM blob_piece WHERE upload = $1", upload)
		}
		return err
	})
}

// newUpload is a random UUID.
func newUpload() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// ReadBlob implements store.Blobs.
func (s *Store) ReadBlob(ctx context.Context, name string, offset, length int64) (iter.Seq2[[]byte, error], int64, error) {
	if err := s.gate.Enter(); err != nil {
		return nil, 0, err
	}
	defer s.gate.Leave()
	var upload string
	var size int64
	err := s.pool.QueryRow(ctx, "SELECT upload::text, size FROM blob WHERE name = $1", name).Scan(&upload, &size)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, store.ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	end := size
	if length >= 0 {
		end = min(end, offset+length)
	}
	return func(yield func([]byte, error) bool) {
		for at := offset; at < end; {
			skip := at % blobPiece
			data, err := read(s, func(pool) (data []byte, err error) {
				err = s.pool.QueryRow(ctx, "SELECT substr(data, $3, $4) FROM blob_piece WHERE upload = $1 AND n = $2",
					upload, at/blobPiece, skip+1, min(blobPiece-skip, end-at)).Scan(&data)
				return data, err
			})
			if err == nil && len(data) == 0 {
				err = io.ErrUnexpectedEOF
			}
			if !yield(data, err) || err != nil {
				return
			}
			at += int64(len(data))
		}
	}, size, nil
}

// DeleteBlob implements store.Blobs.
func (s *Store) DeleteBlob(ctx context.Context, name string) error {
	if !sqldb.IsHash(name) {
		return store.ErrNotFound
	}
	err := change(s, func(pool) error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			var upload string
			if err := tx.QueryRow(ctx, "DELETE FROM blob WHERE name = $1 RETURNING upload::text", name).Scan(&upload); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "DELETE FROM blob_piece WHERE upload = $1", upload)
			return err
		})
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// dropOldUploads removes pieces that never became a blob since their process
// ended.
func (s *Store) dropOldUploads(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM blob_piece p WHERE written < now() - interval '1 day'
		AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.upload = p.upload)`)
	return err
}
