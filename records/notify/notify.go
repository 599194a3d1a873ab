// Package notify is what subscribers are told, as a value and as the Bundle of the
// Subscriptions R5 Backport guide, and the interface of the channels by which they
// are told. It does no I/O.
package notify

import (
	"time"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Kind is what a notification is about (SubscriptionStatus.type).
type Kind string

// Kinds of R5's subscription-notification-type.
const (
	Handshake   Kind = "handshake"
	Heartbeat   Kind = "heartbeat"
	OfEvents    Kind = "event-notification"
	QueryStatus Kind = "query-status"
	QueryEvent  Kind = "query-event"
)

// Content is how much of the resources a notification carries
// (backport-payload-content).
type Content string

// Contents.
const (
	Empty        Content = "empty"
	IDOnly       Content = "id-only"
	FullResource Content = "full-resource"
)

// Interaction is what made the version that an event is about.
type Interaction string

// Interactions (SubscriptionTopic.resourceTrigger.supportedInteraction).
const (
	Create Interaction = "create"
	Update Interaction = "update"
	Delete Interaction = "delete"
)

// Event is one event of a subscription.
type Event struct {
	Number      int64 // in the subscription, from 1
	Focus       fhir.Key
	Version     int64 // of the focus
	At          time.Time
	Interaction Interaction
	Context     []Resource // what the topic includes beside the focus
	JSON        []byte     // of the focus, in a notification of FullResource; nil for a delete
}

// Resource is one that goes along with the focus of an event; JSON is nil unless the
// content is FullResource.
type Resource struct {
	Key  fhir.Key
	JSON []byte
}

// Notification is what a subscriber is told at one time.
type Notification struct {
	ID           string              // of the Bundle, a UUID
	Release      definitions.Release // of the Subscription, which the notification is of, too
	Base         string              // public base URL of the server, without trailing slash
	Subscription fhir.ID
	Topic        string // canonical; "" of a Subscription with criteria of its own
	Status       string // of the Subscription: requested, active, error, off
	Kind         Kind
	Content      Content
	At           time.Time
	Total        int64   // events since the Subscription began, these included
	Events       []Event // in order
	Errors       []string
	// Plain is that of R4's own Subscriptions (§2.46.7.1): no Bundle, but the one resource of
	// the one event, or nothing.
	Plain bool
}
