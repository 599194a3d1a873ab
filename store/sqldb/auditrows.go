package sqldb

import (
	"cmp"
	"context"
	"slices"

	"github.com/inglehealth/ingle/store"
)

// A block brings a posting for each patient and agent that its events name, which are
// hundreds of rows. Where a statement takes a round trip they go in one, as arrays.

func (s Audit) postingRows(ctx context.Context, db Execer, postings []store.AuditPosting) error {
	if !s.Dialect.Numbered {
		for _, p := range postings {
			if err := s.exec(ctx, db, "INSERT INTO audit_posting (key, first, at) VALUES (?, ?, ?)", p.Key, p.First, p.At); err != nil {
				return err
			}
		}
		return nil
	}
	if len(postings) == 0 {
		return nil
	}
	// In the order of the index, whose pages are then found one after the other.
	postings = slices.SortedFunc(slices.Values(postings), func(a, b store.AuditPosting) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.First, b.First))
	})
	keys, firsts, at := make([]int64, len(postings)), make([]int64, len(postings)), make([][]byte, len(postings))
	for i, p := range postings {
		keys[i], firsts[i], at[i] = p.Key, p.First, p.At
	}
	return s.exec(ctx, db, "INSERT INTO audit_posting (key, first, at) SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bytea[])", keys, firsts, at)
}

func (s Audit) nodeRows(ctx context.Context, db Execer, nodes []store.AuditNode) error {
	if !s.Dialect.Numbered {
		for _, n := range nodes {
			if err := s.exec(ctx, db, "INSERT INTO audit_node (id, hash) VALUES (?, ?)", n.ID, n.Hash); err != nil {
				return err
			}
		}
		return nil
	}
	if len(nodes) == 0 {
		return nil
	}
	ids, hashes := make([]int64, len(nodes)), make([][]byte, len(nodes))
	for i, n := range nodes {
		ids[i], hashes[i] = n.ID, n.Hash
	}
	return s.exec(ctx, db, "INSERT INTO audit_node (id, hash) SELECT * FROM unnest(?::bigint[], ?::bytea[])", ids, hashes)
}

// drop removes the groups that were numbered: on PostgreSQL others with numbers
// between theirs may appear later.
func (s Audit) drop(ctx context.Context, db Execer, ids []int64) error {
	if s.Dialect.Numbered {
		return s.exec(ctx, db, "DELETE FROM audit_group WHERE id = ANY(?::bigint[])", ids)
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return s.exec(ctx, db, "DELETE FROM audit_group WHERE id IN ("+marks(len(ids))+")", args...)
}
