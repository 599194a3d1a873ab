package bulkjob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Files keeps what exports write. A name is that of an export and of a file in it,
// with a slash between them.
type Files interface {
	// Create begins a file; the caller commits or aborts it.
	Create(ctx context.Context, name string) (Writer, error)
	// Open reads a file; fs.ErrNotExist. The caller closes it.
	Open(ctx context.Context, name string) (io.ReadSeekCloser, error)
	// Link is an address from which anybody may fetch a file for a while; "" when it is
	// to be had from Open only.
	Link(ctx context.Context, name string, life time.Duration) (string, error)
	// List returns the names of an export's files, those that were not committed as well.
	List(ctx context.Context, export string) ([]string, error)
	// Exports returns the names of all exports that have files.
	Exports(ctx context.Context) ([]string, error)
	// Remove removes a file; it is no error when there is none.
	Remove(ctx context.Context, name string) error
}

// Writer writes a file.
type Writer interface {
	io.Writer
	// Commit makes the file durable and lets it be seen.
	Commit() error
	// Abort forgets it. After Commit it does nothing.
	Abort()
}

// Folder keeps files in a folder of the disk, one below it for each export.
type Folder string

// beginning ends the names of files that are being written.
const beginning = ".part"

// Create implements Files.
func (f Folder) Create(_ context.Context, name string) (Writer, error) {
	path := f.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path+beginning, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &folderFile{File: file, path: path}, nil
}

func (f Folder) path(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

type folderFile struct {
	*os.File
	path string
	done bool
}

// Commit implements Writer.
func (w *folderFile) Commit() error {
	if err := errors.Join(w.Sync(), w.Close()); err != nil {
		return err
	}
	w.done = true
	if err := os.Rename(w.path+beginning, w.path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(w.path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Abort implements Writer.
func (w *folderFile) Abort() {
	if !w.done {
		w.done = true
		_ = w.Close() // nothing of it is wanted
		_ = os.Remove(w.path + beginning)
	}
}

// Open implements Files.
func (f Folder) Open(_ context.Context, name string) (io.ReadSeekCloser, error) {
	return os.Open(f.path(name))
}

// Link implements Files.
func (f Folder) Link(context.Context, string, time.Duration) (string, error) { return "", nil }

// List implements Files.
func (f Folder) List(_ context.Context, export string) ([]string, error) {
	names, err := entries(f.path(export))
	for i, name := range names {
		names[i] = export + "/" + name
	}
	return names, err
}

// Exports implements Files.
func (f Folder) Exports(context.Context) ([]string, error) { return entries(string(f)) }

func entries(folder string) ([]string, error) {
	list, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name()
	}
	return names, err
}

// Remove implements Files.
func (f Folder) Remove(_ context.Context, name string) error {
	err := os.Remove(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		// The last one takes the folder along.
		_ = os.Remove(filepath.Dir(f.path(name)))
	}
	return err
}
