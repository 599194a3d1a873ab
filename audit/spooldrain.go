package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/inglehealth/ingle/store"
)

// spoolMerged is how much is brought from the spool to the store at a time.
const spoolMerged = 64 << 10

// openSpool opens the log's spool, if it is to have one, and brings to the store what a
// process before left there.
func (l *Log) openSpool(ctx context.Context) (err error) {
	if l.config.Spool == "" {
		return nil
	}
	l.room.restoring.Lock()
	defer l.room.restoring.Unlock()
	defer l.room.tell(ctx)
	if l.room.spool, err = openSpool(l.config.Spool); err != nil {
		return err
	}
	verifiers, err := Authentic(ctx, l.store, l.config.Secret)
	if err != nil {
		return err
	}
	if err := l.room.spool.load(verifiers, l.alter); err != nil {
		return err
	}
	if l.room.spool.holds() == 0 {
		return nil
	}
	err = l.drain(ctx)
	if errors.Is(err, store.ErrFull) {
		l.room.fill()
		return nil
	}
	return err
}

// load takes over what is in the file.
func (s *spool) load(verifiers []string, tell func(problem string)) error {
	found, err := readSpool(s.file, verifiers)
	if err != nil {
		return err
	}
	if found.bad != "" {
		if err := s.setAside(found, tell); err != nil {
			return err
		}
	}
	s.take(found)
	return nil
}

// take goes on behind what was found.
func (s *spool) take(found spooled) {
	s.id, s.next, s.last, s.waiting, s.moved = found.id, found.end, found.last, found.events, 0
}

// setAside keeps a copy of the file as it is, and leaves in it what is good.
func (s *spool) setAside(found spooled, tell func(problem string)) error {
	all, err := io.ReadAll(io.NewSectionReader(s.file, 0, spoolSize))
	if err != nil {
		return err
	}
	aside := s.path + ".altered-" + time.Now().UTC().Format("20060102T150405.000000000")
	if err := os.WriteFile(aside, all, 0o600); err != nil {
		_ = os.Remove(aside) // a part of it is no copy
		return fmt.Errorf("audit: %s, and no copy of it can be kept: %w", found.bad, err)
	}
	tell(fmt.Sprintf("%s; a copy is in %s", found.bad, aside))
	if _, err := s.file.WriteAt(make([]byte, spoolSize-found.end), found.end); err != nil {
		return err
	}
	return s.file.Sync()
}

// alter records that the spool was altered.
func (l *Log) alter(problem string) {
	l.log.Error("the spool of the audit log is not as it was written", "problem", problem)
	l.room.altered = append(l.room.altered, problem)
}

// drain brings what waits in the spool to the store, in order, until nothing waits. One
// at a time does.
func (l *Log) drain(ctx context.Context) error {
	s := l.room.spool
	if s.holds() == 0 {
		return nil
	}
	verifiers, err := Authentic(ctx, l.store, l.config.Secret)
	if err != nil {
		return err
	}
	for s.holds() > 0 {
		groups, err := s.left(verifiers, l.alter)
		if err != nil {
			return err
		}
		for len(groups) > 0 {
			n, merged := 0, []byte(nil)
			for n < len(groups) && (n == 0 || len(merged)+len(groups[n]) <= spoolMerged) {
				merged = append(merged, groups[n]...)
				n++
			}
			if err := l.store.AppendAudit(ctx, merged); err != nil {
				return err
			}
			if err := s.pass(groups[:n]); err != nil {
				return err
			}
			groups = groups[n:]
		}
	}
	return nil
}

// left are the groups that are not in the store, read back from the file.
func (s *spool) left(verifiers []string, tell func(problem string)) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := readSpool(s.file, verifiers)
	if err != nil {
		return nil, err
	}
	if found.bad == "" && (found.id != s.id || found.last != s.last) {
		found.bad = fmt.Sprintf("the spool was cut off behind its %d events", found.events)
	}
	if found.bad != "" {
		moved := s.moved
		if err := s.setAside(found, tell); err != nil {
			return nil, err
		}
		s.take(found)
		s.moved = min(moved, len(found.groups))
		for _, group := range found.groups[:s.moved] {
			entries, _ := entriesOf(group) // they were read before
			s.waiting -= len(entries)
		}
	}
	if s.moved == len(found.groups) {
		return nil, s.empty()
	}
	return found.groups[s.moved:], nil
}

// pass notes that groups are in the store. When none is left the file is begun anew.
func (s *spool) pass(groups [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, group := range groups {
		entries, err := entriesOf(group)
		if err != nil {
			return err
		}
		s.waiting -= len(entries)
	}
	s.moved += len(groups)
	if s.waiting > 0 {
		return nil
	}
	return s.empty()
}

// empty leaves nothing in the file.
func (s *spool) empty() error {
	err := s.blank()
	s.next, s.waiting, s.moved, s.last = 0, 0, 0, link{}
	return err
}
