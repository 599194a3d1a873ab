package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// CreateBlob implements store.Blobs. The content is in a file named by its
// hash before the name is returned: synced, then renamed, then the folder
// synced.
func (s *Store) CreateBlob(ctx context.Context, content iter.Seq2[[]byte, error]) (name string, size int64, err error) {
	if err := s.gate.Enter(); err != nil {
		return "", 0, err
	}
	defer s.gate.Leave()
	name, size, err = s.createBlob(ctx, content)
	return name, size, s.translate(err)
}

func (s *Store) createBlob(ctx context.Context, content iter.Seq2[[]byte, error]) (name string, size int64, err error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, "blobs"), "new-*")
	if err != nil {
		return "", 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	hash := sha256.New()
	for chunk, err := range content {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			_, err = f.Write(chunk)
		}
		if err != nil {
			return "", 0, err
		}
		hash.Write(chunk)
		size += int64(len(chunk))
	}
	if err := f.Sync(); err != nil {
		return "", 0, err
	}
	name = hex.EncodeToString(hash.Sum(nil))
	path := s.blobPath(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", 0, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", 0, err
	}
	return name, size, errors.Join(f.Close(), syncDirectory(filepath.Dir(path)), syncDirectory(filepath.Join(s.dir, "blobs")))
}

func (s *Store) blobPath(name string) string {
	return filepath.Join(s.dir, "blobs", name[:2], name[2:])
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// blobChunk is how much of a blob is read at a time.
const blobChunk = 256 << 10

// ReadBlob implements store.Blobs.
func (s *Store) ReadBlob(ctx context.Context, name string, offset, length int64) (iter.Seq2[[]byte, error], int64, error) {
	if err := s.gate.Enter(); err != nil {
		return nil, 0, err
	}
	defer s.gate.Leave()
	if !sqldb.IsHash(name) {
		return nil, 0, store.ErrNotFound
	}
	info, err := os.Stat(s.blobPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, store.ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	rest := max(info.Size()-offset, 0)
	if length >= 0 {
		rest = min(rest, length)
	}
	return func(yield func([]byte, error) bool) {
		f, err := os.Open(s.blobPath(name))
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = f.Close() }() // only read
		buf := make([]byte, min(rest, blobChunk))
		for at := offset; rest > 0; {
			n, err := f.ReadAt(buf[:min(rest, int64(len(buf)))], at)
			if n == 0 && err == nil {
				err = io.ErrUnexpectedEOF
			}
			if n == 0 || (err != nil && !errors.Is(err, io.EOF)) || ctx.Err() != nil {
				yield(nil, errors.Join(err, ctx.Err()))
				return
			}
			if !yield(buf[:n], nil) {
				return
			}
			at, rest = at+int64(n), rest-int64(n)
		}
	}, info.Size(), nil
}

// DeleteBlob implements store.Blobs.
func (s *Store) DeleteBlob(_ context.Context, name string) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if !sqldb.IsHash(name) {
		return store.ErrNotFound
	}
	err := os.Remove(s.blobPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return store.ErrNotFound
	}
	return err
}
