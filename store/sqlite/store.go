// Package sqlite keeps the store contract in one SQLite file, with the blobs and
// the audit log beside it: the embedded default. One process owns the directory.
//
// One goroutine writes. It takes whatever writes are waiting, gives each a
// savepoint, and commits them together with synchronous=FULL, so that one
// fsync makes many requests durable. Readers have connections of their own and
// see the last commit (WAL).
package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/pack"
	"github.com/inglehealth/ingle/store/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a store.Store in a directory.
type Store struct {
	dir    string
	lock   *os.File
	packer *pack.Packer
	names  *sqldb.Names
	reader *sqldb.Reader
	writer *writer
	*AuditFile
	checkpointer *checkpointer

	pool   *pool        // readers
	opened atomic.Int64 // readers that were
	path   string

	closing  sync.Once
	closeErr error
	gate     sqldb.Gate // an operation is inside while it runs
	epoch    atomic.Int64

	governing governing
}

var _ store.Store = (*Store)(nil)

// Open opens the store in dir, creating or migrating it as needed. It fails
// when another process has the directory, or when the database was written by
// a newer version of the program. The caller closes the Store.
func Open(ctx context.Context, dir string) (*Store, error) {
	s, err := open(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", dir, translate(dir, err))
	}
	return s, nil
}

func open(ctx context.Context, dir string) (s *Store, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "blobs"), 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDirectory(dir)
	if err != nil {
		return nil, err
	}
	s = &Store{dir: dir, lock: lock, path: filepath.Join(dir, fileName), names: sqldb.NewNames(sqldb.SQLite)}
	opened := s
	defer func() {
		if err != nil {
			err = errors.Join(err, opened.release())
		}
	}()
	if s.packer, err = pack.New(); err != nil {
		return nil, err
	}
	s.reader = &sqldb.Reader{Names: s.names, Dialect: sqldb.SQLite, Unpack: s.packer.Unpack, UnpackAll: s.packer.UnpackAll}
	if err := private(s.path); err != nil {
		return nil, err
	}
	c, err := newCheckpointer(s.path)
	if err != nil {
		return nil, err
	}
	s.checkpointer = c
	w, err := connect(s.path, "busy_timeout = 10000", fmt.Sprintf("page_size = %d", pageSize), "journal_mode = WAL", "synchronous = FULL", "secure_delete = FAST",
		"cache_size = -32768", "temp_store = MEMORY", fmt.Sprintf("wal_autocheckpoint = %d", mostLog), "journal_size_limit = 134217728")
	if err != nil {
		return nil, damaged(s.path, err)
	}
	s.writer = newWriter(s, w)
	if err := migrate(ctx, s.path, migrations, "migrations"); err != nil {
		return nil, err
	}
	if err := sqldb.CheckFormat(ctx, w); err != nil {
		return nil, err
	}
	if err := s.writer.load(ctx); err != nil {
		return nil, err
	}
	if s.AuditFile, err = openAudit(ctx, dir); err != nil {
		return nil, err
	}
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	s.pool = newPool(readers)
	go s.checkpointer.loop()
	go s.writer.loop()
	return s, nil
}

// private makes the database's file, if there is none, so that only its owner may
// read it. SQLite makes those that it puts beside it alike.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Exists says whether there is a store in dir.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, fileName))
	return err == nil
}

// pageSize is that of databases made from now on, in bytes.
const pageSize = 1024

// Files in a store's directory: the database, and what its one process holds locked.
const (
	fileName = "ingle.db"
	lockName = "lock"
)

// Close implements store.Store.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.gate.Shut()
		s.writer.stop()
		s.checkpointer.stop()
		s.closeErr = s.release()
	})
	return s.closeErr
}

// release closes whatever Open opened.
func (s *Store) release() error {
	var errs []error
	if s.pool != nil {
		for _, c := range s.pool.drain() {
			errs = append(errs, c.close())
		}
	}
	if s.writer != nil {
		errs = append(errs, s.writer.err, s.writer.conn.close())
	}
	if s.checkpointer != nil {
		s.checkpointer.forget()
	}
	if s.AuditFile != nil {
		errs = append(errs, s.AuditFile.Close())
	}
	if s.packer != nil {
		s.packer.Close()
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// What the page caches of the reading connections may take, in KiB: all of
// them together, unless that leaves too little for one. A page takes its memory
// when it is read for the first time.
const (
	readCache    = 128 << 10
	minReadCache = 8 << 10
)

// read runs f with a reading connection.
func (s *Store) read(ctx context.Context, f func(c *conn) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	c, err := s.pool.take(ctx)
	if err != nil {
		return err
	}
	defer func() { s.pool.give(c) }()
	if c == nil {
		cache := max(minReadCache, readCache/s.pool.size())
		opened, err := connectFor(s.checkpointer.known(), s.path, "busy_timeout = 10000", "query_only = 1", fmt.Sprintf("cache_size = -%d", cache), "temp_store = MEMORY")
		if err != nil {
			return s.translate(err)
		}
		c = opened
		c.governing = &s.governing
		s.opened.Add(1)
	}
	c.reading.begin()
	return s.translate(f(c))
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, func(context.Context, *tx) error { return nil })
}
