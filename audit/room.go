package audit

import (
	"context"
	"errors"
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
}

// append appends a group, if need be into the reserve.
func (r *room) append(ctx context.Context, group []byte) error {
	err := r.log.store.AppendAudit(ctx, group)
	for errors.Is(err, store.ErrFull) {
		r.fill()
		left, spent := r.log.store.SpendAuditReserve(ctx)
		if spent != nil {
			return errors.Join(err, spent)
		}
		r.log.log.Warn("the reserve of the audit log is being used", "bytes_left", left)
		err = r.log.store.AppendAudit(ctx, group)
	}
	return err
}

// fill tells, once, that there is no room.
func (r *room) fill() {
	if !r.full.Swap(true) {
		r.log.log.Error("the disk of the audit log is full: bulk and apps are refused, treatment goes on with the reserve; make room")
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
	if !r.full.Load() || r.log.store.RestoreAuditReserve(ctx) != nil {
		return
	}
	n := r.refused.Swap(0)
	r.full.Store(false)
	r.log.log.Warn("the audit log has room again", "refused_meanwhile", n)
	e := &Event{Time: r.log.config.Clock().UTC().Truncate(time.Microsecond), Kind: Alert, Status: 507, Count: int(n),
		Note: "the disk of the audit log was full; requests but for treatment were refused, as many as count says"}
	if err := r.append(ctx, e.append(nil)); err != nil {
		r.log.log.Error("an event was not recorded", "error", err)
	}
}
