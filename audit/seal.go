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
		ended, least := false, int64(0)
		select {
		case <-l.wake:
			least = maxBlock // what is left grows to a block meanwhile
		case <-tick.C:
		case <-room.C:
			l.room.restore(context.Background())
		case <-l.ending:
			ended = true
		}
		ctx, cancel := context.WithTimeout(context.Background(), appendTime)
		if err := l.number(ctx, least); err != nil && !errors.Is(err, store.ErrFull) {
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
const sealGroups = 128

// Seal numbers all events that were appended before, by whatever process.
func (l *Log) Seal(ctx context.Context) error { return l.number(ctx, 0) }

// number numbers events in blocks until none is left, or fewer than least, as far as
// this process knows.
func (l *Log) number(ctx context.Context, least int64) error {
	l.sealing.Lock()
	defer l.sealing.Unlock()
	for {
		if err := l.grown(ctx); err != nil {
			return err
		}
		events := 0
		n, err := l.store.SealAudit(ctx, sealGroups, func(last store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
			s, err := l.makeBlock(last, groups)
			if err == nil {
				events = s.Block.Count
			}
			return s, err
		})
		if errors.Is(err, errGrown) {
			continue
		}
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
		left := l.pending.Add(-int64(events))
		l.since.Store(time.Now().UnixMicro())
		for _, s := range l.sinks {
			s.notify()
		}
		if least > 0 && left < least {
			return nil
		}
	}
}

// grown reads the edge of the tree where another process has numbered events.
func (l *Log) grown(ctx context.Context) error {
	last, err := l.store.AuditHead(ctx)
	if err != nil || l.tree.size == last.Size {
		return err
	}
	t, err := loadTree(last.Size, hashes{ctx, l.store})
	if err == nil {
		l.tree = t
	}
	return err
}

// errGrown says that another process numbered events just now.
var errGrown = errors.New("audit: the log has grown meanwhile")

// makeBlock makes a block of groups.
func (l *Log) makeBlock(last store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
	if l.tree.size != last.Size {
		return nil, errGrown
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
	s.Block.Body, s.Block.Summary = b.encode(), summaryOf(entries)
	s.Postings = postings(last.Size, entries)
	signed, err := signHead(tlog.Tree{N: t.size, Hash: t.hash()}, *l.signer.Load())
	if err != nil {
		return nil, err
	}
	s.Head = store.AuditHead{Size: t.size, Note: signed}
	l.tree = t
	return s, nil
}
