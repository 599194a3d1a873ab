package audit

import (
	"slices"
	"time"
)

// Along says whether the event of a change may go along in the transaction of the change
// (Encode), which is then all that is committed for it. While there is no room, events go
// by Record, which knows what to do then.
func (l *Log) Along() bool { return l.store.AuditsWrites() && !l.room.full.Load() }

// Encode is what a transaction appends of an event: its time is now unless it is given.
// Appended tells the log that it was committed.
func (l *Log) Encode(e *Event) []byte {
	l.stamp(e)
	return e.append(nil)
}

// Appended notes that events were appended by others than the log.
func (l *Log) Appended(events int) {
	waiting := l.pending.Add(int64(events))
	if waiting <= int64(events) {
		l.since.Store(time.Now().UnixMicro())
	}
	if waiting >= maxBlock {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Foretell has the event of a request go along in the transaction of the one change that
// the request makes. tell makes it before that, of a trail that has what the change touches;
// created says whether it makes a resource. Where the event cannot go along it is
// recorded as any other.
func (t *Trail) Foretell(tell func(t *Trail, created bool) *Event) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.foretell = tell
}

// Foretold is the event of a change that touches what touch notes; nil when it is not to
// go along.
func (t *Trail) Foretold(created bool, touch func(t *Trail)) *Event {
	if t == nil {
		return nil
	}
	ahead, tell := t.ahead()
	if tell == nil {
		return nil
	}
	touch(ahead)
	return tell(ahead, created)
}

// ahead is a trail that goes on from what t would tell, and what makes an event of it;
// nil for nothing.
func (t *Trail) ahead() (*Trail, func(t *Trail, created bool) *Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.foretell == nil {
		return nil, nil
	}
	a := &Trail{touched: slices.Clone(t.touched), asked: slices.Clone(t.asked), because: slices.Clone(t.because), count: t.count}
	for i := range a.touched {
		a.touched[i].patients = slices.Clip(a.touched[i].patients)
	}
	return a, t.foretell
}

// Went notes that the event of all that was touched has gone along with a change, with
// the status that it has.
func (t *Trail) Went(status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recorded, t.went, t.foretell = t.count, status, nil
}

// Gone is the status of the event that went along with a change; 0 for none.
func (t *Trail) Gone() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.went
}
