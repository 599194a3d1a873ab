package records

import (
	"context"

	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Mine is the state of a Subscription for a session of whom it is for. What it tells is
// told as that one may see it, so who is somebody else is refused, even if they may
// read the Subscription.
func (s *Subscriptions) Mine(ctx context.Context, session *Session, id fhir.ID) (notify.State, error) {
	if _, err := session.Read(ctx, fhir.Key{Type: subscriptionType, ID: id}, ReadOptions{}); err != nil {
		return notify.State{}, err
	}
	by, err := readSubscriber(ctx, s.door.store, id)
	if err != nil {
		return notify.State{}, s.door.fault(err)
	}
	if session.access != nil && !by.Standing.Same(session.principal.Standing) {
		return notify.State{}, fault.New(fault.Forbidden, fault.CodeForbidden, "",
			"Subscription/%s tells what another app or user may see. Only they may have that.", id)
	}
	return s.State(ctx, id)
}
