package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var auditLog = sqldb.Audit{Dialect: sqldb.PostgreSQL}

// AppendAudit implements store.Audit. When the connection is lost it is tried
// again, so that a group may be there twice.
func (s *Store) AppendAudit(ctx context.Context, group []byte) error {
	return change(s, func(db pool) error { return auditLog.Append(ctx, db, group) })
}

// AuditsWrites implements store.Audit.
func (s *Store) AuditsWrites() bool { return true }

// AppendAudit implements store.Tx.
func (t *tx) AppendAudit(_ context.Context, group []byte) error {
	t.appendAudit([][]byte{group})
	return nil
}

// AppendAudit implements store.Tx. The group of writes appends those of its members
// together.
func (m *member) AppendAudit(_ context.Context, group []byte) error {
	if !m.joined || m.failed != nil || m.event != nil {
		return m.alone()
	}
	m.event = group
	return nil
}

// mostInRow is how much of the audit log goes into one row: more does not stay on the
// row's own page.
const mostInRow = 8000

// appendAudit queues groups, as few rows as they fit into.
func (t *tx) appendAudit(groups [][]byte) {
	var rows [][]byte
	for _, group := range groups {
		if last := len(rows) - 1; last >= 0 && len(rows[last])+len(group) <= mostInRow {
			rows[last] = append(rows[last], group...)
		} else {
			rows = append(rows, slices.Clip(group))
		}
	}
	if len(rows) > 0 {
		t.enqueue("INSERT INTO audit_group (body) SELECT * FROM unnest($1::bytea[])", rows)
	}
}

// TakeUpAudit implements store.Audit. The place is kept as a setting.
func (s *Store) TakeUpAudit(ctx context.Context, group []byte, spool string, was, last int64) error {
	name := "auditTaken/" + spool
	return s.together(ctx, func(db few) error {
		if _, err := db.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", s.lockKey(name)); err != nil {
			return err
		}
		switch text, err := settings.Read(ctx, db, name); {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		default:
			taken, err := strconv.ParseInt(string(text), 10, 64)
			if err != nil {
				return fmt.Errorf("postgres: the setting %s: %w", name, err)
			}
			if taken > was {
				return store.ErrVersion
			}
		}
		if err := settings.Write(ctx, db, name, strconv.AppendInt(nil, last, 10)); err != nil {
			return err
		}
		return auditLog.Append(ctx, db, group)
	})
}

// SealAudit implements store.Audit. A lock of the database lets one process at a
// time number what all have appended.
func (s *Store) SealAudit(ctx context.Context, limit int, fn func(store.AuditHead, [][]byte) (*store.AuditSeal, error)) (n int, err error) {
	err = s.together(ctx, func(db few) error {
		if _, err := db.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", s.lockKey("audit")); err != nil {
			return err
		}
		n, err = auditLog.Seal(ctx, db, limit, fn)
		return err
	})
	return n, err
}

// FlushAudit implements store.Audit: every seal is durable.
func (s *Store) FlushAudit(context.Context) error { return nil }

// AuditHead implements store.Audit.
func (s *Store) AuditHead(ctx context.Context) (store.AuditHead, error) {
	return read(s, func(db pool) (store.AuditHead, error) { return auditLog.Head(ctx, db) })
}

// AuditBlocks implements store.Audit.
func (s *Store) AuditBlocks(ctx context.Context, r store.AuditRange) ([]store.AuditBlock, error) {
	return read(s, func(db pool) ([]store.AuditBlock, error) { return auditLog.Blocks(ctx, db, r) })
}

// AuditPostings implements store.Audit.
func (s *Store) AuditPostings(ctx context.Context, key int64, r store.AuditRange) ([]store.AuditPosting, error) {
	return read(s, func(db pool) ([]store.AuditPosting, error) { return auditLog.Postings(ctx, db, key, r) })
}

// AllAuditPostings implements store.Audit.
func (s *Store) AllAuditPostings(ctx context.Context, after store.AuditPosting, limit int) ([]store.AuditPosting, error) {
	return read(s, func(db pool) ([]store.AuditPosting, error) { return auditLog.AllPostings(ctx, db, after, limit) })
}

// AuditNodes implements store.Audit.
func (s *Store) AuditNodes(ctx context.Context, ids []int64) ([]store.AuditNode, error) {
	return read(s, func(db pool) ([]store.AuditNode, error) { return auditLog.Nodes(ctx, db, ids) })
}

// ReplaceAuditBlock implements store.Audit.
func (s *Store) ReplaceAuditBlock(ctx context.Context, first int64, was, body, summary []byte, postings []store.AuditPosting) error {
	return s.together(ctx, func(db few) error { return auditLog.Replace(ctx, db, first, was, body, summary, postings) })
}

// AuditSigners implements store.Audit.
func (s *Store) AuditSigners(ctx context.Context) ([]byte, error) {
	return read(s, func(db pool) ([]byte, error) { return auditLog.Signers(ctx, db) })
}

// SwapAuditSigners implements store.Audit.
func (s *Store) SwapAuditSigners(ctx context.Context, was, value []byte) error {
	return s.together(ctx, func(db few) error { return auditLog.SwapSigners(ctx, db, was, value) })
}

// CopyAudit implements store.Audit.
func (s *Store) CopyAudit(ctx context.Context, c store.AuditCopy) error {
	return s.together(ctx, func(db few) error { return auditLog.Copy(ctx, db, c) })
}

// SpendAuditReserve implements store.Audit: the space is the database server's.
func (s *Store) SpendAuditReserve(context.Context) (int64, error) { return 0, store.ErrFull }

// auditRoom is how much has to have room before there is some again.
const auditRoom = 1 << 20

// errRoom takes back what was written to see whether there is room.
var errRoom = errors.New("postgres: there is room")

// RestoreAuditReserve implements store.Audit: it looks whether there is room.
func (s *Store) RestoreAuditReserve(ctx context.Context) error {
	body := make([]byte, auditRoom)
	if _, err := rand.Read(body); err != nil { // what can be compressed takes no room
		return err
	}
	err := s.together(ctx, func(db few) error {
		if err := auditLog.Append(ctx, db, body); err != nil {
			return err
		}
		return errRoom
	})
	if errors.Is(err, errRoom) {
		return nil
	}
	return err
}
