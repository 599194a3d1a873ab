package store

import "context"

// Event is one entry of a log of events. The store knows nothing of it but this.
type Event struct {
	Log    string
	Number int64  // in the log, from 1
	Body   []byte // the caller must not change it
}

// Events keeps logs of events, which grow at one end and are cut at the other.
type Events interface {
	// AppendEvents adds events and makes changes of items, all or none, durably. A number
	// that the log has is ErrVersion, as is an Expect that is not met.
	AppendEvents(ctx context.Context, events []Event, changes ...ItemChange) error
	// ReadEvents returns up to limit events of a log from a number on, in order.
	ReadEvents(ctx context.Context, log string, from int64, limit int) ([]Event, error)
	// LastEvent is the number of the last event that a log has; 0 when it has none.
	LastEvent(ctx context.Context, log string) (int64, error)
	// CutEvents removes the events of a log below a number.
	CutEvents(ctx context.Context, log string, below int64) error
}
