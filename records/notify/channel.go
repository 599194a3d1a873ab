package notify

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Target is where a subscription's notifications go.
type Target struct {
	Tenant       string
	Subscription fhir.ID
	System, Code string   // of the channel: System is "" for one of R4's codes (rest-hook, websocket, email, message)
	Endpoint     string   // URL, or mailto: address; "" for channels that the subscriber opens
	Headers      []string // "Name: value", of rest-hook
	Media        string   // "application/fhir+json" or "application/fhir+xml"; "" without a payload
	Content      Content
	Plain        bool          // as in Notification
	Timeout      time.Duration // of one attempt; never 0
}

// Equal says whether two targets are the same.
func (t Target) Equal(o Target) bool {
	same := slices.Equal(t.Headers, o.Headers)
	t.Headers, o.Headers = nil, nil
	return same && reflect.DeepEqual(t, o)
}

// Message is a notification made ready for a target.
type Message struct {
	Notification
	Body []byte // in the target's Media; empty when there is none
}

// Channel brings messages to where they go. It is safe for concurrent use.
type Channel interface {
	// Check refuses a target to which nothing could be sent, when a Subscription is
	// written: a *fault.Error that names the element.
	Check(ctx context.Context, t Target) error
	// Send returns nil when the subscriber has taken the message, and else an error that
	// says what went wrong in words for the Subscription's error: Permanent of one that
	// trying again cannot mend. It ends with ctx, at the latest after t.Timeout.
	Send(ctx context.Context, t Target, m Message) error
}

// Permanent marks an error of Send that trying again cannot mend: the subscriber said
// that it wants no more (410), or the target is not allowed any more.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// IsPermanent says whether trying again is of no use.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[permanent](err)
	return ok
}
