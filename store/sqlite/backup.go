package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// Backup implements store.Backups.
func (s *Store) Backup(ctx context.Context, put func(store.Part) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	return Backup(ctx, s.dir, put)
}

// Backup is Store.Backup of the store in dir, whether or not a process has it open.
// The parts are the files of the directory: the content of Binaries, the databases
// page by page as a reader sees them, and last the audit log, whose events are thus
// never fewer than what happened.
func Backup(ctx context.Context, dir string, put func(store.Part) error) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	b := backup{ctx: ctx, dir: dir, put: put, blobs: map[string]bool{}}
	return translate(dir, b.run())
}

type backup struct {
	ctx   context.Context
	dir   string
	put   func(store.Part) error
	blobs map[string]bool // that are done
}

func (b *backup) run() error {
	// What a version refers to was stored before it, and what is erased while the
	// database is read is to be gone: so blobs are copied before and, those that came
	// meanwhile, after.
	if err := b.content(); err != nil {
		return err
	}
	if err := b.pages(fileName); err != nil {
		return err
	}
	if err := b.content(); err != nil {
		return err
	}
	// Groups that are numbered after the journal was read are in the database.
	journal, err := os.ReadFile(filepath.Join(b.dir, journalName))
	if err != nil {
		return err
	}
	if err := b.put(store.Part{Name: journalName, Size: int64(len(journal)), Content: bytes.NewReader(journal)}); err != nil {
		return err
	}
	return b.pages(auditName)
}

// content puts the blobs that are not done.
func (b *backup) content() error {
	root, err := filepath.EvalSymlinks(filepath.Join(b.dir, "blobs")) // they may lie on another disk
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return errors.Join(err, b.ctx.Err())
		}
		inside, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name := "blobs/" + filepath.ToSlash(inside)
		if b.blobs[name] || !isBlobPart(name) {
			return nil
		}
		b.blobs[name] = true
		return putFile(file, name, b.put)
	})
}

// putFile puts a file, unless it was removed.
func putFile(file, name string, put func(store.Part) error) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return put(store.Part{Name: name, Size: info.Size(), Content: f})
}

// isBlobPart says whether a part is the content of a Binary.
func isBlobPart(name string) bool {
	hash := strings.ReplaceAll(strings.TrimPrefix(name, "blobs/"), "/", "")
	return sqldb.IsHash(hash) && name == path.Join("blobs", hash[:2], hash[2:])
}

// pages puts a database as one reader sees it.
func (b *backup) pages(name string) (err error) {
	file := filepath.Join(b.dir, name)
	c, err := connect(file, "busy_timeout = 10000", "query_only = 1", "cache_size = -1024")
	if err != nil {
		return damaged(file, err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.run("BEGIN"); err != nil {
		return err
	}
	var pages, size int64
	err = sqldb.ForEach(b.ctx, c, "SELECT p.page_count, s.page_size FROM pragma_page_count p, pragma_page_size s", nil,
		func(r sqldb.Rows) error { return r.Scan(&pages, &size) })
	if err != nil {
		return err
	}
	rows, err := c.Query(b.ctx, "SELECT data FROM sqlite_dbpage ORDER BY pgno")
	if err != nil {
		return err
	}
	defer rows.Close()
	return b.put(store.Part{Name: name, Size: pages * size, Content: &pageReader{rows: rows}})
}

// pageReader reads the pages of rows one behind the other.
type pageReader struct {
	rows sqldb.Rows
	rest []byte
}

func (p *pageReader) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if !p.rows.Next() {
			if err := p.rows.Err(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		if err := p.rows.Scan(&p.rest); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// A Restoring makes a directory of the parts of a backup.
type Restoring struct {
	dir string
	has map[string]bool
}

// Restore begins to make a store in dir, which must not hold one. The caller puts all
// parts, calls End, and opens the store.
func Restore(dir string) (*Restoring, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{fileName, auditName, journalName, "blobs"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return nil, fmt.Errorf("sqlite: restore to %s: %w: there is %s", dir, fs.ErrExist, name)
		}
	}
	return &Restoring{dir: dir, has: map[string]bool{}}, os.MkdirAll(filepath.Join(dir, "blobs"), 0o700)
}

// Put writes a part.
func (r *Restoring) Put(_ context.Context, part store.Part) error {
	if part.Name != fileName && part.Name != auditName && part.Name != journalName && !isBlobPart(part.Name) {
		return fmt.Errorf("sqlite: restore: %q is no part of a store", part.Name)
	}
	r.has[part.Name] = true
	file := filepath.Join(r.dir, filepath.FromSlash(part.Name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, part.Content)
	if err == nil && n != part.Size {
		err = fmt.Errorf("sqlite: restore: %s has %d bytes instead of %d", part.Name, n, part.Size)
	}
	if err == nil {
		err = f.Sync()
	}
	return translate(r.dir, errors.Join(err, f.Close()))
}

// End checks that nothing is missing and that the databases are whole, and makes all
// of it durable.
func (r *Restoring) End(ctx context.Context) error {
	for _, name := range []string{fileName, auditName, journalName} {
		if !r.has[name] {
			return fmt.Errorf("sqlite: restore: %s is missing", name)
		}
	}
	for _, name := range []string{fileName, auditName} {
		if err := quickCheck(ctx, filepath.Join(r.dir, name)); err != nil {
			return err
		}
	}
	return filepath.WalkDir(r.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return syncDirectory(path)
	})
}

// Undo removes what was written, also when the store was opened and closed since.
func (r *Restoring) Undo(context.Context) error {
	errs := []error{os.RemoveAll(filepath.Join(r.dir, "blobs"))}
	for _, name := range []string{fileName, auditName, journalName, reserveName, lockName} {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(filepath.Join(r.dir, name+suffix)); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// quickCheck reads a whole database file and compares its trees.
func quickCheck(ctx context.Context, path string) (err error) {
	c, err := connect(path, "busy_timeout = 10000", "query_only = 1")
	if err != nil {
		return damaged(path, err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	return sqldb.ForEach(ctx, c, "PRAGMA quick_check(1)", nil, func(r sqldb.Rows) error {
		var said string
		if err := r.Scan(&said); err != nil || said == "ok" {
			return err
		}
		return fmt.Errorf("the database file %s is damaged: %s", path, said)
	})
}
