package bulkjob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"time"

	"github.com/inglehealth/ingle/internal/s3"
)

// Bucket keeps files in S3-compatible storage, below a prefix that ends with a slash.
// They are written to a local file first, and uploaded when they are whole; clients fetch
// them from the storage.
type Bucket struct {
	Client *s3.Client
	Prefix string
	Spool  string // folder of the local files; "": the system's for temporary files
}

// contentType is that of the files.
const contentType = "application/fhir+ndjson"

// Create implements Files.
func (b *Bucket) Create(ctx context.Context, name string) (Writer, error) {
	if b.Spool != "" {
		if err := os.MkdirAll(b.Spool, 0o700); err != nil {
			return nil, err
		}
	}
	file, err := os.CreateTemp(b.Spool, "export-*.ndjson")
	if err != nil {
		return nil, err
	}
	return &bucketFile{ctx: ctx, bucket: b, key: b.Prefix + name, file: file, hash: sha256.New()}, nil
}

type bucketFile struct {
	ctx    context.Context //nolint:containedctx // of who writes the file, from Create to Commit
	bucket *Bucket
	key    string
	file   *os.File
	hash   hash.Hash
	size   int64
	done   bool
}

// Write implements io.Writer.
func (w *bucketFile) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	return n, err
}

// Commit implements Writer.
func (w *bucketFile) Commit() error {
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	err := w.bucket.Client.Put(w.ctx, w.key, io.NopCloser(w.file), w.size, hex.EncodeToString(w.hash.Sum(nil)))
	w.Abort()
	return err
}

// Abort implements Writer.
func (w *bucketFile) Abort() {
	if !w.done {
		w.done = true
		_ = w.file.Close() // nothing of it is wanted any more
		_ = os.Remove(w.file.Name())
	}
}

// Open implements Files. It fetches the file into a local one first: clients do not come here.
func (b *Bucket) Open(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	r, err := b.Client.Get(ctx, b.Prefix+name)
	if err != nil {
		return nil, err
	}
	w, err := b.Create(ctx, name)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	local := w.(*bucketFile)
	_, err = io.Copy(local.file, r)
	if err = errors.Join(err, r.Close()); err == nil {
		_, err = local.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		local.Abort()
		return nil, err
	}
	return fetchedFile{local.file, local}, nil
}

// fetchedFile is a local file that goes when it is closed.
type fetchedFile struct {
	io.ReadSeeker
	local *bucketFile
}

// Close implements io.Closer.
func (f fetchedFile) Close() error {
	f.local.Abort()
	return nil
}

// Link implements Files.
func (b *Bucket) Link(_ context.Context, name string, life time.Duration) (string, error) {
	return b.Client.Link(b.Prefix+name, contentType, life), nil
}

// List implements Files.
func (b *Bucket) List(ctx context.Context, export string) ([]string, error) {
	keys, _, err := b.Client.List(ctx, b.Prefix+export+"/")
	for i, key := range keys {
		keys[i] = key[len(b.Prefix):]
	}
	return keys, err
}

// Exports implements Files.
func (b *Bucket) Exports(ctx context.Context) ([]string, error) {
	_, folders, err := b.Client.List(ctx, b.Prefix)
	return folders, err
}

// Remove implements Files.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	return b.Client.Delete(ctx, b.Prefix+name)
}
