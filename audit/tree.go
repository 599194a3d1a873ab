package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/inglehealth/ingle/store"
)

// keptLevel is the lowest level of the tree whose hashes are stored; those below
// are made of the leaves again.
const keptLevel = 8

// tree is the right edge of the log's tree: what it takes to add leaves. edge has
// the root of the complete subtree of 1<<level leaves for each bit of size.
type tree struct {
	size int64
	edge [64]tlog.Hash
}

// add adds a leaf and returns the stored nodes that it completes.
func (t *tree) add(leaf tlog.Hash, nodes []store.AuditNode) []store.AuditNode {
	h, level := recordOf(leaf), 0
	for n := t.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(t.edge[level], h)
		level++
		if level >= keptLevel {
			nodes = append(nodes, store.AuditNode{ID: tlog.StoredHashIndex(level, n>>1), Hash: bytes.Clone(h[:])})
		}
	}
	t.edge[level] = h
	t.size++
	return nodes
}

// hash is the root of the tree.
func (t *tree) hash() tlog.Hash {
	if t.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // of nothing: nothing is read
		return h
	}
	level := bits.TrailingZeros64(uint64(t.size))
	h := t.edge[level]
	for level++; t.size>>level != 0; level++ {
		if t.size>>level&1 == 1 {
			h = tlog.NodeHash(t.edge[level], h)
		}
	}
	return h
}

// loadTree reads the right edge of a stored tree.
func loadTree(size int64, r tlog.HashReader) (tree, error) {
	t := tree{size: size}
	var levels []int
	var ids []int64
	for level := range 63 {
		if size>>level&1 == 1 {
			levels = append(levels, level)
			ids = append(ids, tlog.StoredHashIndex(level, size>>level-1))
		}
	}
	hashes, err := r.ReadHashes(ids)
	if err != nil {
		return tree{}, err
	}
	for i, level := range levels {
		t.edge[level] = hashes[i]
	}
	return t, nil
}

// hashes reads the stored tree: a tlog.HashReader.
type hashes struct {
	ctx   context.Context
	store store.Audit
}

// errHash says that what a proof needs is not there.
var errHash = errors.New("audit: a hash of the log's tree is missing")

// ReadHashes implements tlog.HashReader.
func (r hashes) ReadHashes(ids []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ids))
	var kept []int64
	for i, id := range ids {
		level, n := tlog.SplitStoredHashIndex(id)
		if level >= keptLevel {
			kept = append(kept, id)
			continue
		}
		h, err := r.subtree(level, n)
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	if len(kept) == 0 {
		return out, nil
	}
	nodes, err := r.store.AuditNodes(r.ctx, kept)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]tlog.Hash, len(nodes))
	for _, n := range nodes {
		if len(n.Hash) == tlog.HashSize {
			found[n.ID] = tlog.Hash(n.Hash)
		}
	}
	for i, id := range ids {
		if level, _ := tlog.SplitStoredHashIndex(id); level >= keptLevel {
			h, ok := found[id]
			if !ok {
				return nil, fmt.Errorf("%w: %d", errHash, id)
			}
			out[i] = h
		}
	}
	return out, nil
}

// subtree is the root of the n-th subtree of 1<<level leaves.
func (r hashes) subtree(level int, n int64) (tlog.Hash, error) {
	t := tree{}
	from, to := n<<level, (n+1)<<level
	for next := from; next < to; {
		blocks, err := r.store.AuditBlocks(r.ctx, store.AuditRange{From: next, Before: to, Limit: 16})
		if err != nil {
			return tlog.Hash{}, err
		}
		if len(blocks) == 0 || blocks[0].First > next {
			return tlog.Hash{}, fmt.Errorf("%w: the events from %d are missing", errHash, next)
		}
		for _, s := range blocks {
			b, _, err := leavesOf(s)
			if err != nil {
				return tlog.Hash{}, err
			}
			if b.first > next {
				return tlog.Hash{}, fmt.Errorf("%w: the events from %d are missing", errHash, next)
			}
			for ; next < to && next < b.first+int64(len(b.leaves)); next++ {
				t.add(b.leaves[next-b.first], nil)
			}
		}
	}
	return t.hash(), nil
}
