package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/store"
)

// ErrOther says that a log cannot be moved to where there is another one.
var ErrOther = errors.New("audit: there is another audit log already")

// Move brings a whole log to a store that has none: its events, numbered or not yet,
// its tree, its checkpoint and its keys, so that all that was proven of it still is. It can be given
// again when it was interrupted; ErrOther. Nothing must be recorded in either
// meanwhile.
func Move(ctx context.Context, from, to store.Audit) error {
	if err := moveKeys(ctx, from, to); err != nil {
		return err
	}
	if err := moveNumbered(ctx, from, to); err != nil {
		return err
	}
	return moveWaiting(ctx, from, to)
}

func moveKeys(ctx context.Context, from, to store.Audit) error {
	keys, err := from.AuditSigners(ctx)
	if err != nil || keys == nil {
		return err
	}
	there, err := to.AuditSigners(ctx)
	if err != nil || bytes.Equal(there, keys) {
		return err
	}
	if there != nil {
		return ErrOther
	}
	return to.SwapAuditSigners(ctx, nil, keys)
}

// Bounds of what is moved at a time.
const (
	moveBlocks   = 16
	movePostings = 5000
)

func moveNumbered(ctx context.Context, from, to store.Audit) error {
	head, err := from.AuditHead(ctx)
	if err != nil || head.Size == 0 {
		return err
	}
	switch there, err := to.AuditHead(ctx); {
	case err != nil:
		return err
	case there.Size > 0:
		return sameLog(ctx, from, to, head.Size)
	}
	t := tree{}
	part := store.AuditCopy{Begin: true}
	for t.size < head.Size {
		if part.Blocks, err = from.AuditBlocks(ctx, store.AuditRange{From: t.size, Before: head.Size, Limit: moveBlocks}); err != nil {
			return err
		}
		if len(part.Blocks) == 0 || part.Blocks[0].First != t.size {
			return fmt.Errorf("audit: the log has no event %d: verify it", t.size)
		}
		summaries, err := from.AuditBlocks(ctx, store.AuditRange{From: t.size, Before: head.Size, Limit: moveBlocks, Summaries: true})
		if err != nil {
			return err
		}
		part.Nodes = nil
		for i, s := range part.Blocks {
			if i < len(summaries) && summaries[i].First == s.First {
				part.Blocks[i].Summary = summaries[i].Summary
			}
			b, _, err := leavesOf(s)
			if err != nil {
				return fmt.Errorf("audit: the events from %d: %w: verify the log", s.First, err)
			}
			for _, leaf := range b.leaves {
				part.Nodes = t.add(leaf, part.Nodes)
			}
		}
		if err := to.CopyAudit(ctx, part); err != nil {
			return err
		}
		part.Begin = false
	}
	return movePostingsOf(ctx, from, to, head)
}

// movePostingsOf moves the postings, and with the last of them the head.
func movePostingsOf(ctx context.Context, from, to store.Audit, head store.AuditHead) error {
	var last store.AuditPosting
	for {
		some, err := from.AllAuditPostings(ctx, last, movePostings)
		if err != nil {
			return err
		}
		if len(some) == 0 {
			return to.CopyAudit(ctx, store.AuditCopy{Head: head})
		}
		if err := to.CopyAudit(ctx, store.AuditCopy{Postings: some}); err != nil {
			return err
		}
		last = some[len(some)-1]
	}
}

// sameLog says whether a log begins with the events of another one.
func sameLog(ctx context.Context, from, to store.Audit, size int64) error {
	a, err := Print(ctx, from, size)
	if err != nil {
		return err
	}
	b, err := Print(ctx, to, size)
	if err == nil && a != b {
		err = ErrOther
	}
	return err
}

// Print is the SHA-256 over the blocks of a log up to a size at which one ends.
func Print(ctx context.Context, s store.Audit, size int64) (string, error) {
	h := sha256.New()
	for next := int64(0); next < size; {
		blocks, err := s.AuditBlocks(ctx, store.AuditRange{From: next, Before: size, Limit: moveBlocks})
		if err != nil {
			return "", err
		}
		if len(blocks) == 0 {
			break
		}
		for _, b := range blocks {
			fmt.Fprintf(h, "%d %d %d %d %d\n", b.First, b.Count, b.Since.UnixMicro(), b.Until.UnixMicro(), len(b.Body))
			h.Write(b.Body)
			next = b.First + int64(max(b.Count, 1))
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// moveWaiting moves what has no number yet. The next Log numbers it.
func moveWaiting(ctx context.Context, from, to store.Audit) error {
	groups, err := waitingIn(ctx, from)
	if err != nil || len(groups) == 0 {
		return err
	}
	there, err := waitingIn(ctx, to)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if slices.ContainsFunc(there, func(t []byte) bool { return bytes.Equal(t, g) }) {
			continue // an earlier try brought it
		}
		if err := to.AppendAudit(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// maxWaiting is how many groups without numbers a log may have.
const maxWaiting = 1 << 20

// waitingIn are the groups that have no numbers, which they do not get here.
func waitingIn(ctx context.Context, s store.Audit) (all [][]byte, err error) {
	looked := errors.New("only looked")
	_, err = s.SealAudit(ctx, maxWaiting, func(_ store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
		for _, g := range groups {
			all = append(all, bytes.Clone(g))
		}
		return nil, looked
	})
	if errors.Is(err, looked) {
		err = nil
	}
	return all, err
}
