package records

import (
	"context"

	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
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
	if err := s.mayHear(ctx, session, id); err != nil {
		return notify.State{}, s.door.fault(err)
	}
	return s.State(ctx, id)
}

// mayHear refuses a session that may not read what a Subscription is about, as with a
// token of fewer scopes than it was asked for with.
func (s *Subscriptions) mayHear(ctx context.Context, session *Session, id fhir.ID) error {
	sub, _, err := s.stored(ctx, id)
	if err != nil || sub.topic == "" && len(sub.criteria) == 0 {
		return err
	}
	topics, err := s.door.Topics(ctx)
	if err != nil {
		return err
	}
	criteria, _, err := sub.compile(topics, s.door.catalogs())
	if err != nil { // it is not matched any more, and may have been about anything
		return session.may("", smart.Read)
	}
	return session.mayHear(criteria)
}

// deaf says whether a session may not hear at all what a Subscription tells, since its role
// masks by now what that goes by.
func (s *Subscriptions) deaf(ctx context.Context, session *Session, id fhir.ID) (bool, error) {
	if session.masks == nil {
		return false, nil
	}
	err := s.mayHear(ctx, session, id)
	if err != nil && fault.KindOf(err) == fault.Forbidden {
		return true, nil
	}
	return false, err
}
