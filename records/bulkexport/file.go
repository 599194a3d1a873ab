package bulkexport

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// file is one file that is being written.
type file struct {
	state  fileState
	f      *os.File
	out    *bufio.Writer // to f and hash
	hash   hash.Hash     // of what f holds
	zip    *gzip.Writer  // nil when it is not compressed
	member bool          // a member of the gzip file is open
}

// fileState is what a checkpoint knows of a file.
type fileState struct {
	Type    fhir.Type           `json:"type"`
	Release definitions.Release `json:"release"`
	Size    int64               `json:"size"`
	Lines   int64               `json:"lines"`
}

// create makes a file, in place of what a former run may have left after its
// last checkpoint.
func create(dir, name string, state fileState) (*file, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return newFile(f, state), nil
}

// reopen opens a file and drops what came after the checkpoint.
func reopen(dir, name string, state fileState) (*file, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	w := newFile(f, state)
	if _, err := io.CopyN(w.hash, f, state.Size); err != nil {
		w.close()
		return nil, fmt.Errorf("%s is shorter than %d bytes: %w", name, state.Size, err)
	}
	if err := f.Truncate(state.Size); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func newFile(f *os.File, state fileState) *file {
	w := &file{state: state, f: f, hash: sha256.New()}
	w.out = bufio.NewWriterSize(io.MultiWriter(f, w.hash), 64<<10)
	if strings.HasSuffix(f.Name(), ".gz") {
		w.zip = gzip.NewWriter(w.out)
	}
	return w
}

// line writes a resource, which is one line of JSON.
func (w *file) line(json []byte) error {
	var to io.Writer = w.out
	if w.zip != nil {
		if !w.member {
			w.zip.Reset(w.out)
			w.member = true
		}
		to = w.zip
	}
	_, err := to.Write(json)
	if err == nil {
		_, err = to.Write([]byte{'\n'})
	}
	w.state.Lines++
	return err
}

// sync makes all lines durable. A gzip file gets another member afterwards, so
// that it can be cut here.
func (w *file) sync() (fileState, error) {
	if w.member {
		if err := w.zip.Close(); err != nil {
			return w.state, err
		}
		w.member = false
	}
	if err := errors.Join(w.out.Flush(), w.f.Sync()); err != nil {
		return w.state, err
	}
	size, err := w.f.Seek(0, io.SeekCurrent)
	w.state.Size = size
	return w.state, err
}

// sum is the SHA-256 of a file that was synced.
func (w *file) sum() string { return hex.EncodeToString(w.hash.Sum(nil)) }

// close gives the file back; what counts was synced before.
func (w *file) close() { _ = w.f.Close() }

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
