package audit

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/inglehealth/ingle/store"
)

// seal numbers events as they come, until the log is closed.
func (l *Log) seal() {
	tick := time.NewTicker(l.config.SealEvery)
	defer tick.Stop()
	room := time.NewTicker(recoverEvery)
	defer room.Stop()
	for {
		ended := false
		select {
		case <-l.wake:
		case <-tick.C:
		case <-room.C:
			l.room.restore(context.Background())
		case <-l.ending:
			ended = true
		}
		ctx, cancel := context.WithTimeout(context.Background(), appendTime)
		if err := l.Seal(ctx); err != nil && !errors.Is(err, store.ErrFull) {
			l.log.Error("events of the audit log were not numbered", "error", err)
		}
		cancel()
		if ended {
			return
		}
	}
}

// recoverEvery is how often it is looked whether there is room again.
const recoverEvery = 5 * time.Second

// sealGroups is how many groups are read for a block.
const sealGroups = 32

// Seal numbers all events that were appended before, by whatever process.
func (l *Log) Seal(ctx context.Context) error {
	l.sealing.Lock()
	defer l.sealing.Unlock()
	for {
		events := 0
		n, err := l.store.SealAudit(ctx, sealGroups, func(last store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
			s, err := l.number(ctx, last, groups)
			if err == nil {
				events = s.Block.Count
			}
			return s, err
		})
		if err != nil {
			l.tree.size = -1 // who knows what was committed: it is read again
			if errors.Is(err, store.ErrFull) {
				l.room.fill()
			}
			return err
		}
		if n == 0 {
			l.pending.Store(0)
			return nil
		}
		l.pending.Add(-int64(events))
		for _, s := range l.sinks {
			s.notify()
		}
	}
}

// number makes a block of groups.
func (l *Log) number(ctx context.Context, last store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
	if l.tree.size != last.Size {
		t, err := loadTree(last.Size, hashes{ctx, l.store})
		if err != nil {
			return nil, err
		}
		l.tree = t
	}
	var entries []*entry
	taken := 0
	for ; taken < len(groups) && len(entries) < maxBlock; taken++ {
		some, err := entriesOf(groups[taken])
		if err != nil {
			return nil, err
		}
		entries = append(entries, some...)
	}
	t := l.tree
	b := &block{first: last.Size}
	s := &store.AuditSeal{Groups: taken, Block: store.AuditBlock{First: last.Size, Count: len(entries)}}
	for i, n := range entries {
		b.add(n)
		s.Nodes = t.add(b.leaves[i], s.Nodes)
	}
	s.Block.Since, s.Block.Until = spanOf(entries)
	s.Block.Body = b.encode()
	s.Postings = postings(last.Size, entries)
	signed, err := signHead(tlog.Tree{N: t.size, Hash: t.hash()}, *l.signer.Load())
	if err != nil {
		return nil, err
	}
	s.Head = store.AuditHead{Size: t.size, Note: signed}
	// If the commit fails the size differs from the stored one, and the edge is
	// read again.
	l.tree = t
	return s, nil
}
