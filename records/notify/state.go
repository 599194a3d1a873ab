package notify

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// State is how a Subscription is.
type State struct {
	Target
	Topic     string // canonical; "" of a Subscription with criteria of its own
	Criteria  string // of one without a topic, or the filters of one with
	Status    string // requested, active, error, off
	Total     int64  // number of its last event; 0 before the first
	Taken     int64  // number of the last event that the subscriber took
	Kept      int64  // number of the first event that can still be asked for
	Delivered time.Time
	Failures  int       // in a row
	Error     string    // of the last attempt; "" when it went well
	Next      time.Time // of the next attempt after a failure
	Heartbeat time.Duration
	MaxCount  int
	End       time.Time
	Client    string // app that made it
	User      string // for whom
}

// Log is the durable side of a tenant's subscriptions, as those who bring and show
// notifications need it. It is safe for concurrent use.
type Log interface {
	// State of one; a fault of kind NotFound when there is none.
	State(ctx context.Context, id fhir.ID) (State, error)
	// States are those after an id in the order of ids, up to a number of them.
	States(ctx context.Context, after fhir.ID, limit int) ([]State, error)
	// Message makes a message of a kind with the events from since to until, both
	// included, and of them the first most, as the subscriber may see them at this
	// moment, and leaves the audit event of that. last is the number of the last event
	// that was looked at, be it in the message or not to be seen; since-1 for none. Status
	// and Errors of the message say when the subscriber may no more. A media or content
	// of "" is the Subscription's.
	Message(ctx context.Context, id fhir.ID, kind Kind, content Content, media string, since, until int64, most int) (m Message, last int64, err error)
	// Took notes that the subscriber fetched the events up to a number, of channels that
	// have to be fetched from (websocket): State.Taken, which never goes back.
	Took(ctx context.Context, id fhir.ID, number int64) error
	// Wake returns a channel that is closed when there may be more events.
	Wake() <-chan struct{}
	// Off ends a Subscription for a reason; Retry tries at once what failed, also of one
	// in error; Try sends a heartbeat at once and says how that went.
	Off(ctx context.Context, id fhir.ID, reason string) error
	Retry(ctx context.Context, id fhir.ID) error
	Try(ctx context.Context, id fhir.ID) error
}
