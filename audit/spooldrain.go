package audit

import (
	"context"
	"errors"
	"fmt"

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
	if s.take(found); found.bad != "" {
		s.setAside(found, tell)
	}
	return nil
}

// take goes on behind what was found.
func (s *spool) take(found spooled) {
	s.id, s.next, s.last, s.waiting, s.moved = found.id, found.end, found.last, found.events, 0
}

// alter records that the spool was altered.
func (l *Log) alter(problem string) {
	l.log.Error("the spool of the audit log is not as it was written", "problem", problem)
	l.room.altered = append(l.room.altered, problem)
}

// drain brings what waits in the spool to the store, in order, until nothing waits. One
// at a time does. What the log says it has of this spool is not brought again, nor what
// another process brings of a copy of it meanwhile.
func (l *Log) drain(ctx context.Context) error {
	s := l.room.spool
	if s.holds() == 0 {
		return nil
	}
	verifiers, err := Authentic(ctx, l.store, l.config.Secret)
	if err != nil {
		return err
	}
	if _, err := l.refuseTaken(ctx, verifiers); err != nil {
		return err
	}
	for s.holds() > 0 {
		groups, first, err := s.left(verifiers, l.alter)
		if err != nil {
			return err
		}
		for len(groups) > 0 {
			n, merged := 0, []byte(nil)
			for n < len(groups) && (n == 0 || len(merged)+len(groups[n]) <= spoolMerged) {
				merged = append(merged, groups[n]...)
				n++
			}
			err := l.store.TakeUpAudit(ctx, append(l.taking(s.id, first+n, n), merged...), spoolTarget(s.id), int64(first), int64(first+n))
			if errors.Is(err, store.ErrVersion) {
				if refused, err := l.refuseTaken(ctx, verifiers); err != nil {
					return err
				} else if refused == 0 {
					return errors.New("audit: what waits in the spool was taken up elsewhere, but is not in this log")
				}
				break // what waits still is read anew
			}
			if err != nil {
				return err
			}
			first += n
			if err := s.pass(groups[:n]); err != nil {
				return err
			}
			groups = groups[n:]
		}
	}
	return nil
}

// left are the groups that are not in the store, read back from the file, and how many
// come before them.
func (s *spool) left(verifiers []string, tell func(problem string)) (groups [][]byte, before int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := readSpool(s.file, verifiers)
	if err != nil {
		return nil, 0, err
	}
	same := found.id == s.id && found.last == s.last
	if found.bad == "" && !same {
		found.bad = fmt.Sprintf("the spool was cut off behind its %d events", found.events)
	}
	if found.bad != "" && !(s.aside && same) {
		moved := s.moved
		if s.setAside(found, tell); found.id == s.id {
			s.skip(found.groups[:min(moved, len(found.groups))])
		}
	}
	if s.moved == len(found.groups) {
		return nil, 0, s.empty()
	}
	return found.groups[s.moved:], s.moved, nil
}

// pass notes that groups are in the store. When none is left the file is begun anew.
func (s *spool) pass(groups [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.skip(groups); s.waiting > 0 {
		return nil
	}
	return s.empty()
}

// skip counts groups that were read before as moved.
func (s *spool) skip(groups [][]byte) {
	for _, group := range groups {
		entries, _ := entriesOf(group)
		s.waiting -= len(entries)
	}
	s.moved += len(groups)
}

// empty leaves nothing in the file, unless that is set aside.
func (s *spool) empty() (err error) {
	aside := s.aside
	if !aside {
		err = s.blank()
	}
	s.next, s.waiting, s.moved, s.last = 0, 0, 0, link{}
	if aside {
		_ = s.renew() // or with the next group that is to wait
	}
	return err
}
