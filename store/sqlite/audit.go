package sqlite

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

//go:embed auditlog/*.sql
var auditMigrations embed.FS

// AuditFile is the audit log of a store: a database file of its own, beside the
// records, so that a large transaction there holds up no event; and a journal of
// what is not numbered yet, so that numbering holds up none.
type AuditFile struct {
	dir, path string

	writing sync.Mutex
	writer  *conn // nil for one that only reads
	relaxed bool  // synchronous=NORMAL

	sealing sync.Mutex
	journal *journal // nil for one that only reads

	taking sync.Mutex
	taken  map[string]int64 // the last place of each spool that was taken up

	reading sync.Mutex
	reader  *conn // nil until it is needed
	closed  bool
}

const (
	auditName    = "audit.db"
	reserveName  = "audit.reserve"
	reserveSize  = 16 << 20
	reserveSpent = 256 << 10 // at a time
)

var auditLog = sqldb.Audit{Dialect: sqldb.SQLite}

var _ store.Audit = (*AuditFile)(nil)

// OpenAudit opens the audit log in dir to read it, whether or not a process
// writes there; fs.ErrNotExist when there is none. The caller closes it.
func OpenAudit(dir string) (*AuditFile, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	a := &AuditFile{dir: dir, path: filepath.Join(dir, auditName)}
	if _, err := os.Stat(a.path); err != nil {
		return nil, err
	}
	return a, a.read(func(*conn) error { return nil })
}

// openAudit opens the log in dir to write it, making it if it is not there.
func openAudit(ctx context.Context, dir string) (*AuditFile, error) {
	a := &AuditFile{dir: dir, path: filepath.Join(dir, auditName)}
	if err := private(a.path); err != nil {
		return nil, err
	}
	// A checkpoint of little keeps the log in the way small, which counts when the
	// disk is full.
	w, err := connect(a.path, "busy_timeout = 10000", "page_size = 4096", "journal_mode = WAL", "synchronous = FULL", "secure_delete = ON",
		"cache_size = -4096", "temp_store = MEMORY", "wal_autocheckpoint = 512", "journal_size_limit = 4194304")
	if err != nil {
		return nil, damaged(a.path, err)
	}
	a.writer = w
	if err := migrate(ctx, a.path, auditMigrations, "auditlog"); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if a.journal, err = a.openJournal(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	// Without room for a reserve the log is as good until the disk is full.
	if err := a.RestoreAuditReserve(ctx); err != nil && !errors.Is(err, store.ErrFull) {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// openJournal opens the journal behind what the database has numbered, durably from
// here on.
func (a *AuditFile) openJournal(ctx context.Context) (*journal, error) {
	if err := a.FlushAudit(ctx); err != nil {
		return nil, err
	}
	var sealed int64
	err := sqldb.ForEach(ctx, quiet{a.writer}, "SELECT journal FROM audit_head", nil, func(r sqldb.Rows) error { return r.Scan(&sealed) })
	if err != nil {
		return nil, err
	}
	j, err := openJournal(a.dir, sealed)
	if err != nil {
		return nil, err
	}
	if err := a.adopt(ctx, j); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

// adopt takes over what was appended before there was a journal.
func (a *AuditFile) adopt(ctx context.Context, j *journal) error {
	return a.write(false, func(db sqldb.Execer) error {
		err := sqldb.ForEach(ctx, db, "SELECT body FROM audit_group ORDER BY id", nil, func(r sqldb.Rows) error {
			var group []byte
			if err := r.Scan(&group); err != nil {
				return err
			}
			return j.append(group)
		})
		if err != nil {
			return err
		}
		_, err = db.Exec(ctx, "DELETE FROM audit_group")
		return err
	})
}

// Close releases the file.
func (a *AuditFile) Close() error {
	var errs []error
	a.writing.Lock()
	defer a.writing.Unlock()
	if a.writer != nil {
		errs = append(errs, a.writer.close())
		a.writer = nil
	}
	if a.journal != nil {
		errs = append(errs, a.journal.close())
	}
	a.reading.Lock()
	defer a.reading.Unlock()
	a.closed = true
	if a.reader != nil {
		errs = append(errs, a.reader.close())
		a.reader = nil
	}
	return errors.Join(errs...)
}

// write runs f in a transaction, synced unless relaxed.
func (a *AuditFile) write(relaxed bool, f func(db sqldb.Execer) error) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	if a.writer == nil {
		return store.ErrClosed
	}
	if err := a.synchronous(relaxed); err != nil {
		return translate(a.dir, err)
	}
	if err := a.writer.run("BEGIN IMMEDIATE"); err != nil {
		return translate(a.dir, err)
	}
	err := f(quiet{a.writer})
	if err == nil {
		err = a.writer.run("COMMIT")
	}
	if err != nil {
		_ = a.writer.run("ROLLBACK") // SQLite may have done so already
	}
	return translate(a.dir, err)
}

func (a *AuditFile) synchronous(relaxed bool) error {
	if a.relaxed == relaxed {
		return nil
	}
	mode := "FULL"
	if relaxed {
		mode = "NORMAL"
	}
	err := a.writer.run("PRAGMA synchronous = " + mode)
	if err == nil {
		a.relaxed = relaxed
	}
	return err
}

func (a *AuditFile) read(f func(c *conn) error) error {
	a.reading.Lock()
	defer a.reading.Unlock()
	if a.closed {
		return store.ErrClosed
	}
	if a.reader == nil {
		c, err := connect(a.path, "busy_timeout = 10000", "query_only = 1", "cache_size = -4096", "temp_store = MEMORY")
		if err != nil {
			return damaged(a.path, err)
		}
		a.reader = c
	}
	return translate(a.dir, f(a.reader))
}

// AuditsWrites implements store.Audit.
func (a *AuditFile) AuditsWrites() bool { return false }

// AppendAudit implements store.Audit.
func (a *AuditFile) AppendAudit(_ context.Context, group []byte) error {
	if a.journal == nil {
		return store.ErrClosed
	}
	return translate(a.dir, a.journal.append(group))
}

// TakeUpAudit implements store.Audit.
func (a *AuditFile) TakeUpAudit(ctx context.Context, group []byte, spool string, was, last int64) error {
	a.taking.Lock()
	defer a.taking.Unlock()
	if a.taken[spool] > was {
		return store.ErrVersion
	}
	if err := a.AppendAudit(ctx, group); err != nil {
		return err
	}
	if a.taken == nil {
		a.taken = map[string]int64{}
	}
	a.taken[spool] = last
	return nil
}

// SealAudit implements store.Audit. The commit is durable when the journal is begun
// again, or later.
func (a *AuditFile) SealAudit(ctx context.Context, limit int, fn func(store.AuditHead, [][]byte) (*store.AuditSeal, error)) (int, error) {
	if a.journal == nil {
		return 0, store.ErrClosed
	}
	a.sealing.Lock()
	defer a.sealing.Unlock()
	n := 0
	err := a.write(true, func(db sqldb.Execer) error {
		groups, before, err := a.journal.waiting(limit)
		if err != nil || len(groups) == 0 {
			return err
		}
		head, err := auditLog.Head(ctx, db)
		if err != nil {
			return err
		}
		seal, err := fn(head, groups)
		if err != nil {
			return err
		}
		if err := auditLog.Put(ctx, db, seal); err != nil {
			return err
		}
		n = seal.Groups
		_, err = db.Exec(ctx, "UPDATE audit_head SET journal = ?", before+int64(n))
		return err
	})
	if err != nil {
		return 0, err
	}
	if n > 0 {
		a.journal.pass(n)
		return n, nil
	}
	wiped, err := a.journal.turn(func() error { return a.FlushAudit(ctx) })
	if wiped {
		err = wipeLog(a.path)
	}
	return 0, translate(a.dir, err)
}

// FlushAudit implements store.Audit: a synced commit syncs what stands before it.
func (a *AuditFile) FlushAudit(ctx context.Context) error {
	return a.write(false, func(db sqldb.Execer) error {
		_, err := db.Exec(ctx, "UPDATE audit_head SET size = size")
		return err
	})
}

// AuditHead implements store.Audit.
func (a *AuditFile) AuditHead(ctx context.Context) (h store.AuditHead, err error) {
	err = a.read(func(c *conn) error {
		h, err = auditLog.Head(ctx, quiet{c})
		return err
	})
	return h, err
}

// AuditBlocks implements store.Audit.
func (a *AuditFile) AuditBlocks(ctx context.Context, r store.AuditRange) (all []store.AuditBlock, err error) {
	err = a.read(func(c *conn) error {
		all, err = auditLog.Blocks(ctx, c, r)
		return err
	})
	return all, err
}

// AuditPostings implements store.Audit.
func (a *AuditFile) AuditPostings(ctx context.Context, key int64, r store.AuditRange) (all []store.AuditPosting, err error) {
	err = a.read(func(c *conn) error {
		all, err = auditLog.Postings(ctx, c, key, r)
		return err
	})
	return all, err
}

// AllAuditPostings implements store.Audit.
func (a *AuditFile) AllAuditPostings(ctx context.Context, after store.AuditPosting, limit int) (all []store.AuditPosting, err error) {
	err = a.read(func(c *conn) error {
		all, err = auditLog.AllPostings(ctx, c, after, limit)
		return err
	})
	return all, err
}

// AuditNodes implements store.Audit.
func (a *AuditFile) AuditNodes(ctx context.Context, ids []int64) (all []store.AuditNode, err error) {
	err = a.read(func(c *conn) error {
		all, err = auditLog.Nodes(ctx, quiet{c}, ids)
		return err
	})
	return all, err
}

// ReplaceAuditBlock implements store.Audit.
func (a *AuditFile) ReplaceAuditBlock(ctx context.Context, first int64, was, body, summary []byte, postings []store.AuditPosting) error {
	err := a.write(false, func(db sqldb.Execer) error { return auditLog.Replace(ctx, db, first, was, body, summary, postings) })
	if err == nil && a.journal != nil {
		a.journal.spoil()
	}
	return err
}

// AuditSigners implements store.Audit.
func (a *AuditFile) AuditSigners(ctx context.Context) (value []byte, err error) {
	err = a.read(func(c *conn) error {
		value, err = auditLog.Signers(ctx, quiet{c})
		return err
	})
	return value, err
}

// SwapAuditSigners implements store.Audit.
func (a *AuditFile) SwapAuditSigners(ctx context.Context, was, value []byte) error {
	return a.write(false, func(db sqldb.Execer) error { return auditLog.SwapSigners(ctx, db, was, value) })
}

// CopyAudit implements store.Audit.
func (a *AuditFile) CopyAudit(ctx context.Context, c store.AuditCopy) error {
	return a.write(c.Head.Size == 0, func(db sqldb.Execer) error { return auditLog.Copy(ctx, db, c) })
}

// SpendAuditReserve implements store.Audit: the reserve is a file that gets
// shorter.
func (a *AuditFile) SpendAuditReserve(context.Context) (int64, error) {
	name := filepath.Join(a.dir, reserveName)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return 0, store.ErrFull
	}
	if err != nil {
		return 0, err
	}
	left := max(0, info.Size()-reserveSpent)
	return left, os.Truncate(name, left)
}

// RestoreAuditReserve implements store.Audit. It takes at most a quarter of the
// space that is free.
func (a *AuditFile) RestoreAuditReserve(context.Context) error {
	f, err := os.OpenFile(filepath.Join(a.dir, reserveName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	free, err := FreeBytes(a.dir)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	want := min(reserveSize, (info.Size()+int64(free))/4)
	if want < reserveSpent {
		return errors.Join(store.ErrFull, f.Close())
	}
	if size := info.Size(); size < want {
		err = occupy(f, size, want)
	}
	return errors.Join(translate(a.dir, err), f.Close())
}

// fill writes zeros between two offsets.
func fill(f *os.File, from, to int64) (err error) {
	for ; from < to && err == nil; from += reserveSpent {
		_, err = f.WriteAt(make([]byte, min(reserveSpent, to-from)), from)
	}
	return err
}
