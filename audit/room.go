package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inglehealth/ingle/store"
)

// room is what is left of the space for events. When it is used up, events go on
// into a reserve, and only who treats patients may make more of them.
type room struct {
	log     *Log
	full    atomic.Bool
	refused atomic.Int64 // since it was full
	spool   *spool       // nil for none
	spooled atomic.Int64 // events that went there since it was full

	restoring sync.Mutex
	altered   []string // under restoring: what is wrong with the spool and not recorded yet
}

// append appends a group of so many events, if need be into the reserve, or the spool.
func (r *room) append(ctx context.Context, group []byte, events int) error {
	if taken, err := r.wait(group, events, false); taken {
		return err
	}
	err := r.log.store.AppendAudit(ctx, group)
	for errors.Is(err, store.ErrFull) {
		r.fill()
		left, spent := r.log.store.SpendAuditReserve(ctx)
		if errors.Is(spent, store.ErrFull) {
			if taken, err := r.wait(group, events, true); taken {
				return err
			}
		}
		if spent != nil {
			return errors.Join(err, spent)
		}
		r.log.log.Warn("the reserve of the audit log is being used", "bytes_left", left)
		err = r.log.store.AppendAudit(ctx, group)
	}
	return err
}

// wait has a group wait in the spool, if there is one, when others wait there already or
// it is the first.
func (r *room) wait(group []byte, events int, first bool) (taken bool, err error) {
	if r.spool == nil {
		return false, nil
	}
	taken, err = r.spool.append(group, events, *r.log.signer.Load(), first)
	if taken {
		r.fill() // there may have been room meanwhile, and nobody empties the spool then
	}
	if taken && err == nil {
		r.spooled.Add(int64(events))
	}
	return taken, err
}

// fill tells, once, that there is no room.
func (r *room) fill() {
	if !r.full.Swap(true) {
		r.log.log.Error("the disk of the audit log is full: bulk and apps are refused, treatment goes on with the reserve or the spool; make room")
	}
}

// ErrFull says that there is no room for further events but for those of
// treatment.
var ErrFull = errors.New("audit: the disk of the audit log is full")

// Admit says whether something may begin whose event will have to be recorded:
// ErrFull when there is but the reserve and it is not urgent. Who treats patients
// and who breaks the glass is urgent.
func (l *Log) Admit(urgent bool) error {
	if urgent || !l.room.full.Load() {
		return nil
	}
	l.room.refused.Add(1)
	return ErrFull
}

// Health is an error while the log is short of room.
func (l *Log) Health() error {
	if l.room.full.Load() {
		return ErrFull
	}
	return nil
}

// restore looks whether there is room again.
func (r *room) restore(ctx context.Context) {
	r.restoring.Lock()
	defer r.restoring.Unlock()
	if !r.full.Load() || r.log.store.RestoreAuditReserve(ctx) != nil {
		return
	}
	if err := r.log.drain(ctx); err != nil {
		if !errors.Is(err, store.ErrFull) {
			r.log.log.Error("the spool of the audit log could not be emptied", "error", err)
		}
		return
	}
	n, spooled := r.refused.Swap(0), r.spooled.Swap(0)
	r.full.Store(false)
	if r.spool.holds() > 0 { // who found no room a moment ago
		r.fill()
	}
	r.log.log.Warn("the audit log has room again", "refused_meanwhile", n, "spooled_meanwhile", spooled)
	note := "the disk of the audit log was full; requests but for treatment were refused, as many as count says"
	if spooled > 0 {
		note += fmt.Sprintf("; %d events waited in the spool", spooled)
	}
	r.alert(ctx, note, int(n))
	r.tell(ctx)
}

// tell records what is wrong with the spool, or has it wait until there is room.
func (r *room) tell(ctx context.Context) {
	for len(r.altered) > 0 && r.alert(ctx, r.altered[0], 0) {
		r.altered = r.altered[1:]
	}
}

// alert records an event of the log itself, and says whether it did.
func (r *room) alert(ctx context.Context, note string, count int) bool {
	e := &Event{Time: r.log.config.Clock().UTC().Truncate(time.Microsecond), Kind: Alert, Status: 507, Count: count, Note: note}
	err := r.append(ctx, e.append(nil), 1)
	if err != nil {
		r.log.log.Error("an event was not recorded", "error", err)
	}
	return err == nil
}
