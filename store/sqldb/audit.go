package sqldb

import (
	"bytes"
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Audit answers store.Audit on a database that has the tables of the audit log.
type Audit struct{ Dialect Dialect }

// Append is store.Audit.AppendAudit.
func (s Audit) Append(ctx context.Context, db Execer, group []byte) error {
	_, err := db.Exec(ctx, s.Dialect.Rebind("INSERT INTO audit_group (body) VALUES (?)"), group)
	return err
}

// Seal is store.Audit.SealAudit in a transaction that nobody else runs meanwhile,
// where groups are rows.
func (s Audit) Seal(ctx context.Context, db Execer, limit int, fn func(store.AuditHead, [][]byte) (*store.AuditSeal, error)) (int, error) {
	var ids []int64
	var groups [][]byte
	err := ForEach(ctx, db, s.Dialect.Rebind("SELECT id, body FROM audit_group ORDER BY id LIMIT ?"), []any{int64(limit)}, func(r Rows) error {
		var id int64
		var body []byte
		err := r.Scan(&id, &body)
		ids, groups = append(ids, id), append(groups, body)
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	head, err := s.Head(ctx, db)
	if err != nil {
		return 0, err
	}
	seal, err := fn(head, groups)
	if err != nil {
		return 0, err
	}
	if err := s.Put(ctx, db, seal); err != nil {
		return 0, err
	}
	ids = ids[:seal.Groups]
	return len(ids), s.drop(ctx, db, ids)
}

// Put keeps what a seal adds to the log.
func (s Audit) Put(ctx context.Context, db Execer, seal *store.AuditSeal) error {
	err := s.rows(ctx, db, []store.AuditBlock{seal.Block}, seal.Postings, seal.Nodes)
	if err != nil {
		return err
	}
	return s.head(ctx, db, seal.Head)
}

func (s Audit) head(ctx context.Context, db Execer, h store.AuditHead) error {
	return s.exec(ctx, db, "INSERT INTO audit_head (id, size, note) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET size = excluded.size, note = excluded.note",
		h.Size, notNil(h.Note))
}

func (s Audit) rows(ctx context.Context, db Execer, blocks []store.AuditBlock, postings []store.AuditPosting, nodes []store.AuditNode) error {
	for i := range blocks {
		b := &blocks[i]
		err := s.exec(ctx, db, "INSERT INTO audit_block (first, count, since, until, body) VALUES (?, ?, ?, ?, ?)",
			b.First, int64(b.Count), Micros(b.Since), Micros(b.Until), b.Body)
		if err == nil && b.Summary != nil {
			err = s.exec(ctx, db, "INSERT INTO audit_summary (first, terms) VALUES (?, ?)", b.First, b.Summary)
		}
		if err != nil {
			return err
		}
	}
	if err := s.postingRows(ctx, db, postings); err != nil {
		return err
	}
	return s.nodeRows(ctx, db, nodes)
}

// Copy is store.Audit.CopyAudit in a transaction.
func (s Audit) Copy(ctx context.Context, db Execer, c store.AuditCopy) error {
	if h, err := s.Head(ctx, db); err != nil || h.Size > 0 {
		return cmp.Or(err, store.ErrVersion)
	}
	if c.Begin {
		for _, table := range []string{"audit_block", "audit_summary", "audit_posting", "audit_node"} {
			if err := s.exec(ctx, db, "DELETE FROM "+table); err != nil {
				return err
			}
		}
	}
	if err := s.rows(ctx, db, c.Blocks, c.Postings, c.Nodes); err != nil || c.Head.Size == 0 {
		return err
	}
	return s.head(ctx, db, c.Head)
}

func (s Audit) exec(ctx context.Context, db Execer, text string, args ...any) error {
	_, err := db.Exec(ctx, s.Dialect.Rebind(text), args...)
	return err
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// Head is store.Audit.AuditHead.
func (s Audit) Head(ctx context.Context, db DB) (h store.AuditHead, err error) {
	err = ForEach(ctx, db, "SELECT size, note FROM audit_head", nil, func(r Rows) error { return r.Scan(&h.Size, &h.Note) })
	return h, err
}

// Blocks is store.Audit.AuditBlocks.
func (s Audit) Blocks(ctx context.Context, db DB, q store.AuditRange) ([]store.AuditBlock, error) {
	f := sql("SELECT first, count, since, until, body, NULL FROM audit_block WHERE first + count > ?", q.From)
	if q.Summaries {
		f = sql("SELECT first, count, since, until, NULL, (SELECT terms FROM audit_summary s WHERE s.first = audit_block.first) FROM audit_block WHERE first + count > ?", q.From)
	}
	if q.From > 0 {
		// The block that holds From is found by its key.
		f = join("", f, sql(" AND first >= coalesce((SELECT max(first) FROM audit_block WHERE first <= ?), 0)", q.From))
	}
	if q.Before > 0 {
		f = join("", f, sql(" AND first < ?", q.Before))
	}
	if !q.Since.IsZero() {
		f = join("", f, sql(" AND until >= ?", Micros(q.Since)))
	}
	if !q.Until.IsZero() {
		f = join("", f, sql(" AND since <= ?", Micros(q.Until)))
	}
	f = join("", f, inOrder(q))
	var blocks []store.AuditBlock
	err := ForEach(ctx, db, s.Dialect.Rebind(f.sql), f.args, func(r Rows) error {
		var b store.AuditBlock
		var count, since, until int64
		err := r.Scan(&b.First, &count, &since, &until, &b.Body, &b.Summary)
		b.Count, b.Since, b.Until = int(count), auditTime(since), auditTime(until)
		blocks = append(blocks, b)
		return err
	})
	return blocks, err
}

// auditTime is Time of a column in which 0 is a time like any other.
func auditTime(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// Postings is store.Audit.AuditPostings.
func (s Audit) Postings(ctx context.Context, db DB, key int64, q store.AuditRange) ([]store.AuditPosting, error) {
	f := sql("SELECT key, first, at FROM audit_posting WHERE key = ? AND first >= ?", key, q.From)
	if q.Before > 0 {
		f = join("", f, sql(" AND first < ?", q.Before))
	}
	return s.postings(ctx, db, join("", f, inOrder(q)))
}

func inOrder(q store.AuditRange) fragment {
	if q.Newest {
		return sql(" ORDER BY first DESC LIMIT ?", int64(q.Limit))
	}
	return sql(" ORDER BY first LIMIT ?", int64(q.Limit))
}

// AllPostings is store.Audit.AllAuditPostings. The zero posting is before all but
// those of negative keys, so a nil At says that nothing comes before.
func (s Audit) AllPostings(ctx context.Context, db DB, after store.AuditPosting, limit int) ([]store.AuditPosting, error) {
	f := sql("SELECT key, first, at FROM audit_posting")
	if after.At != nil {
		f = join("", f, sql(" WHERE (key, first) > (?, ?)", after.Key, after.First))
	}
	return s.postings(ctx, db, join("", f, sql(" ORDER BY key, first LIMIT ?", int64(limit))))
}

func (s Audit) postings(ctx context.Context, db DB, f fragment) (all []store.AuditPosting, err error) {
	err = ForEach(ctx, db, s.Dialect.Rebind(f.sql), f.args, func(r Rows) error {
		var p store.AuditPosting
		err := r.Scan(&p.Key, &p.First, &p.At)
		all = append(all, p)
		return err
	})
	return all, err
}

// Nodes is store.Audit.AuditNodes.
func (s Audit) Nodes(ctx context.Context, db DB, ids []int64) (all []store.AuditNode, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	err = ForEach(ctx, db, s.Dialect.Rebind("SELECT id, hash FROM audit_node WHERE id IN ("+marks(len(ids))+")"), args, func(r Rows) error {
		var n store.AuditNode
		err := r.Scan(&n.ID, &n.Hash)
		all = append(all, n)
		return err
	})
	return all, err
}

// Replace is store.Audit.ReplaceAuditBlock in a transaction.
func (s Audit) Replace(ctx context.Context, db Execer, first int64, was, body, summary []byte, postings []store.AuditPosting) error {
	n, err := db.Exec(ctx, s.Dialect.Rebind("UPDATE audit_block SET body = ? WHERE first = ? AND body = ?"), body, first, was)
	if err := changedOne(n, err, store.ErrVersion); err != nil {
		return err
	}
	if err := s.exec(ctx, db, "DELETE FROM audit_summary WHERE first = ?", first); err != nil {
		return err
	}
	if summary != nil {
		if err := s.exec(ctx, db, "INSERT INTO audit_summary (first, terms) VALUES (?, ?)", first, summary); err != nil {
			return err
		}
	}
	for _, p := range postings {
		if len(p.At) == 0 {
			err = s.exec(ctx, db, "DELETE FROM audit_posting WHERE key = ? AND first = ?", p.Key, first)
		} else {
			err = s.exec(ctx, db, "UPDATE audit_posting SET at = ? WHERE key = ? AND first = ?", p.At, p.Key, first)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Signers is store.Audit.AuditSigners.
func (s Audit) Signers(ctx context.Context, db DB) (value []byte, err error) {
	err = ForEach(ctx, db, "SELECT value FROM audit_signers", nil, func(r Rows) error { return r.Scan(&value) })
	return value, err
}

// SwapSigners is store.Audit.SwapAuditSigners in a transaction.
func (s Audit) SwapSigners(ctx context.Context, db Execer, was, value []byte) error {
	if was == nil {
		n, err := db.Exec(ctx, s.Dialect.Rebind("INSERT INTO audit_signers (id, value) VALUES (1, ?) ON CONFLICT (id) DO NOTHING"), value)
		return changedOne(n, err, store.ErrVersion)
	}
	now, err := s.Signers(ctx, db)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, was) {
		return store.ErrVersion
	}
	n, err := db.Exec(ctx, s.Dialect.Rebind("UPDATE audit_signers SET value = ? WHERE value = ?"), value, was)
	return changedOne(n, err, store.ErrVersion)
}
