package audit

import (
	"context"
	"time"
)

// State is how a log stands.
type State struct {
	Events  int64         // that have a number
	Waiting int64         // recorded by this process, and without one yet
	Lag     time.Duration // for how long the oldest of these has waited, about; 0 without any
	Copies  []Copy
}

// Copy is a place outside that gets a copy of every event.
type Copy struct {
	Name   string
	Behind int64 // events that it has not had yet
	Away   bool  // the last attempt failed; it goes on when that is possible again
}

// State says how the log stands now.
func (l *Log) State(ctx context.Context) (State, error) {
	h, err := l.store.AuditHead(ctx)
	s := State{Events: h.Size, Waiting: max(0, l.pending.Load())}
	if s.Waiting > 0 {
		s.Lag = max(0, time.Duration(time.Now().UnixMicro()-l.since.Load())*time.Microsecond)
	}
	for _, one := range l.sinks {
		s.Copies = append(s.Copies, Copy{Name: one.sink.Name(), Behind: max(0, h.Size-one.next.Load()), Away: one.failed.Load()})
	}
	return s, err
}
