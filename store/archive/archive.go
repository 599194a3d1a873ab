// Package archive is the file of a backup: a tar of the parts of stores, compressed
// by zstd, with the SHA-256 of all of it in a skippable frame at its end. Ordinary tar
// and zstd read it; whoever restores from it reads every byte twice, and before
// anything is written the hash is compared.
package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/inglehealth/ingle/store"
)

// Databases that parts are made by.
const (
	SQLite     = "sqlite"
	PostgreSQL = "postgresql"
)

// Manifest is what a backup says of itself.
type Manifest struct {
	Format   int       `json:"format"`   // set by NewWriter
	Program  string    `json:"program"`  // version of Ingle that made it
	Taken    time.Time `json:"taken"`    // when it was begun
	Database string    `json:"database"` // SQLite or PostgreSQL
	Tenants  []string  `json:"tenants"`  // in their order; "" is the default one
}

// format numbers how an archive is to be read.
const format = 1

const (
	manifestName = "manifest.json"
	maxManifest  = 1 << 20
	// trailer: a skippable frame (RFC 8878 §3.1.2) of a mark and the SHA-256 of what
	// stands before it.
	skippable   = 0x184D2A5E
	mark        = "ingle backup 1\n"
	trailerSize = 8 + len(mark) + sha256.Size
)

// Writer writes an archive. It is for one goroutine.
type Writer struct {
	out    io.Writer
	hash   hash.Hash
	packed *zstd.Encoder
	tar    *tar.Writer
	taken  time.Time
	size   int64
}

// NewWriter begins an archive in out. The caller calls Close, and closes out.
func NewWriter(out io.Writer, m Manifest) (*Writer, error) {
	w := &Writer{out: out, hash: sha256.New(), taken: m.Taken}
	var err error
	if w.packed, err = zstd.NewWriter(io.MultiWriter(out, w.hash), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2)); err != nil {
		return nil, err
	}
	w.tar = tar.NewWriter(w.packed)
	m.Format = format
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return w, w.add(manifestName, int64(len(text)), bytes.NewReader(text))
}

// Tenant gives what takes the parts of one tenant.
func (w *Writer) Tenant(name string) func(store.Part) error {
	return func(p store.Part) error { return w.add(folderOf(name)+p.Name, p.Size, p.Content) }
}

func (w *Writer) add(name string, size int64, content io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: w.taken.UTC().Truncate(time.Second)}
	if err := w.tar.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(w.tar, io.LimitReader(content, size))
	w.size += n
	if err == nil && n < size {
		err = fmt.Errorf("archive: %s ends after %d of %d bytes", name, n, size)
	}
	return err
}

// Size is how many bytes of parts were written.
func (w *Writer) Size() int64 { return w.size }

// Close ends the archive. Without it, it is not whole.
func (w *Writer) Close() error {
	if err := errors.Join(w.tar.Close(), w.packed.Close()); err != nil {
		return err
	}
	b := binary.LittleEndian.AppendUint32(nil, skippable)
	b = binary.LittleEndian.AppendUint32(b, uint32(trailerSize-8))
	_, err := w.out.Write(w.hash.Sum(append(b, mark...)))
	return err
}

// Reader reads an archive whose bytes have been compared with their hash.
type Reader struct {
	Manifest Manifest

	packed *zstd.Decoder
	tar    *tar.Reader
}

// ErrDamaged says that a file is no backup, or not as it was written.
var ErrDamaged = errors.New("archive: the backup is damaged")

// Open reads all of file, compares it with its hash, and reads the manifest. The
// caller calls Close, and closes the file.
func Open(file io.ReadSeeker) (*Reader, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if err := check(file, size); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	packed, err := zstd.NewReader(io.LimitReader(file, size-int64(trailerSize)), zstd.WithDecoderMaxMemory(256<<20), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	r := &Reader{packed: packed, tar: tar.NewReader(packed)}
	if err := r.readManifest(); err != nil {
		packed.Close()
		return nil, err
	}
	return r, nil
}

// check compares the bytes of a file with the hash at its end.
func check(file io.ReadSeeker, size int64) error {
	if size < int64(trailerSize) {
		return fmt.Errorf("%w: it has %d bytes", ErrDamaged, size)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.CopyN(h, file, size-int64(trailerSize)); err != nil {
		return err
	}
	trailer := make([]byte, trailerSize)
	if _, err := io.ReadFull(file, trailer); err != nil {
		return err
	}
	b := binary.LittleEndian.AppendUint32(nil, skippable)
	b = binary.LittleEndian.AppendUint32(b, uint32(trailerSize-8))
	b = append(b, mark...)
	if !bytes.Equal(trailer[:len(b)], b) {
		return fmt.Errorf("%w: its end is missing, or it is no backup of Ingle", ErrDamaged)
	}
	if !bytes.Equal(trailer[len(b):], h.Sum(nil)) {
		return fmt.Errorf("%w: its SHA-256 is not the one that was written; take another copy", ErrDamaged)
	}
	return nil
}

func (r *Reader) readManifest() error {
	h, err := r.tar.Next()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if h.Name != manifestName || h.Size > maxManifest {
		return fmt.Errorf("%w: it begins with %q", ErrDamaged, h.Name)
	}
	if err := json.NewDecoder(r.tar).Decode(&r.Manifest); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, manifestName, err)
	}
	if r.Manifest.Format != format {
		return fmt.Errorf("archive: the backup has format %d, this program reads %d: use the program that made it (%s)", r.Manifest.Format, format, r.Manifest.Program)
	}
	return nil
}

// Each calls f with every part, those of one tenant together, in the order of
// Manifest.Tenants.
func (r *Reader) Each(f func(tenant string, p store.Part) error) error {
	for {
		h, err := r.tar.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		tenant, name, err := tenantOf(h.Name)
		if err != nil {
			return err
		}
		if err := f(tenant, store.Part{Name: name, Size: h.Size, Content: r.tar}); err != nil {
			return err
		}
	}
}

// Close releases memory.
func (r *Reader) Close() { r.packed.Close() }

// folderOf is the folder of a tenant's parts.
func folderOf(tenant string) string {
	if tenant == "" {
		return "default/"
	}
	return "tenants/" + tenant + "/"
}

func tenantOf(entry string) (tenant, part string, err error) {
	if part, ok := strings.CutPrefix(entry, "default/"); ok {
		return "", part, nil
	}
	rest, ok := strings.CutPrefix(entry, "tenants/")
	tenant, part, cut := strings.Cut(rest, "/")
	if !ok || !cut || tenant == "" {
		return "", "", fmt.Errorf("%w: %q is no part of a backup", ErrDamaged, entry)
	}
	return tenant, part, nil
}
