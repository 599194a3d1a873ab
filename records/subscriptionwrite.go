package records

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// kindSubscription is the kind of items that say for whom a Subscription is. They are
// written with it.
const kindSubscription = "subscription"

// subscriberClient is the key by which they are found by the app that made them.
const subscriberClient = "client"

// subscriber is what such an item holds.
type subscriber struct {
	Standing Standing  `json:"standing"`
	Since    time.Time `json:"since"`
}

// subscribe looks at a draft of a Subscription as its writer is allowed it. Its status
// is the server's: what is to be told begins as requested.
func (s *Session) subscribe(ctx context.Context, w *draft) error {
	if w.key.Type != subscriptionType || w.restated {
		return s.defineTopic(w)
	}
	root := w.tree.Root()
	if root.Child("status").Text() == statusOff {
		return nil
	}
	sub, err := readSubscription(s.door.Name(), root)
	if err != nil {
		return err
	}
	if !sub.end.IsZero() && !sub.end.After(s.door.now()) {
		return restate(w.tree, statusOff, "its end has come")
	}
	if err := s.roomForSubscription(ctx, w.key.ID); err != nil {
		return err
	}
	topics, err := s.door.Topics(ctx)
	if err != nil {
		return err
	}
	criteria, _, err := sub.compile(topics, s.door.catalogs())
	if err != nil {
		return err
	}
	if err := errors.Join(s.mayHear(criteria), s.bound(criteria)); err != nil {
		return err
	}
	if err := s.door.subscriptions.admits(ctx, s, sub); err != nil {
		return err
	}
	return restate(w.tree, statusRequested, "")
}

// bound refuses criteria that are not about the patient in context of an app that
// reaches no other: of all others it would be told nothing.
func (s *Session) bound(c *subscribe.Criteria) error {
	by, ok := s.access.(interface{ Bound() (string, bool) })
	if !ok {
		return nil
	}
	if patient, ok := by.Bound(); ok && !c.About(patient) {
		return refuseSubscription("criteria", "with scopes of level patient a Subscription is about the patient in context: its criteria, or a filter for each type of its topic, ask for patient=Patient/%s", patient)
	}
	return nil
}

// Bounds of the Subscriptions of a tenant, and of those of a user with an app: each has
// memory, and work that goes on.
const (
	maxSubscriptions = 10_000
	maxOfUser        = 100
)

func (s *Session) roomForSubscription(ctx context.Context, id fhir.ID) error {
	count := func(x search.Expr) (int64, error) {
		return s.door.store.Count(ctx, &search.Query{Types: []string{string(subscriptionType)}, Filter: search.And{search.Not{X: search.IDs{string(id)}}, x}})
	}
	n, err := count(search.And{})
	if err == nil && n >= maxSubscriptions {
		err = fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "there are %d Subscriptions, which is as many as this server tells: delete some that are off", n)
	}
	if mine := s.principal.Standing.subscriptionEntries(); err == nil && s.principal.Standing.User != "" && len(mine) > 0 {
		n, err = count(search.Token{Param: search.SubscriberParam(), AnySystem: true, Code: mine[0].Code})
		if err == nil && n >= maxOfUser {
			err = fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "you have %d Subscriptions with this app, which is as many as one may have: delete some", n)
		}
	}
	return s.door.fault(err)
}

// admits refuses a subscription for who cannot stand for it, or to which nothing could
// be sent. Without Subscriptions, as where a command writes, nothing is known of that.
func (s *Subscriptions) admits(ctx context.Context, by *Session, sub *subscription) error {
	if s == nil {
		return nil
	}
	if by.access != nil {
		if _, err := s.sessions.Stand(ctx, s.door, by.principal.Standing); err != nil {
			return fault.Wrap(err, fault.Forbidden, fault.CodeForbidden, "", "a subscription goes on when you are away, and what you signed in with does not: ask with an access token of an app")
		}
	}
	return s.channel.Check(ctx, sub.target)
}

// restate sets status and error of a Subscription.
func restate(t *fhir.Tree, status, reason string) error {
	root := t.Root()
	if _, err := root.Set("status", status); err != nil {
		return err
	}
	root.RemoveAll("error")
	if reason == "" {
		return nil
	}
	_, err := root.Set("error", reason)
	return err
}

// withoutHeaders takes the headers of a rest-hook, which mostly have a secret in them,
// out of a Subscription that is somebody else's.
func (s *Session) withoutHeaders(ctx context.Context, r store.Record) (store.Record, error) {
	if s.access == nil || !bytes.Contains(r.Body, []byte(`"header"`)) {
		return r, nil
	}
	by, err := readSubscriber(ctx, s.door.store, r.Key.ID)
	if err != nil || by.Standing.Same(s.principal.Standing) && !r.Updated.Before(by.Since) {
		return r, err
	}
	tree, err := s.door.tree(r)
	if err != nil {
		return r, err
	}
	tree.Root().Child("channel").RemoveAll("header")
	r.Body = tree.Root().AppendJSON(nil)
	return r, nil
}

// readSubscriber reads for whom a Subscription is; nobody when that is not known.
func readSubscriber(ctx context.Context, from store.Identity, id fhir.ID) (by subscriber, err error) {
	item, err := from.ReadItem(ctx, kindSubscription, string(id))
	if errors.Is(err, store.ErrNotFound) {
		return by, nil
	}
	if err == nil {
		err = json.Unmarshal(item.Body, &by)
	}
	return by, err
}

// subscribers are the items that go with the Subscriptions that a unit writes.
func (u *unit) subscribers() (changes []store.ItemChange, err error) {
	for _, w := range u.writes {
		if w.Key.Type != subscriptionType || u.restates {
			continue
		}
		item := store.Item{Kind: kindSubscription, ID: string(w.Key.ID)}
		if w.Method == http.MethodDelete {
			changes = append(changes, store.ItemChange{Item: item, Expect: store.Any, Delete: true})
			continue
		}
		if client := u.s.principal.Standing.Client; client != "" {
			item.Keys = []store.ItemKey{{Name: subscriberClient, Value: client}}
		}
		if item.Body, err = json.Marshal(subscriber{u.s.principal.Standing, w.Updated}); err != nil {
			return nil, err
		}
		changes = append(changes, store.ItemChange{Item: item, Expect: store.Any})
	}
	return changes, nil
}

// restate makes the server's own version of a Subscription, if version is still the
// current one: with another status and error. It returns the version that is there
// then; store.ErrVersion when somebody else wrote it.
func (d *Door) restate(ctx context.Context, id fhir.ID, version int64, status, reason string) (int64, error) {
	current, err := d.store.Read(ctx, fhir.Key{Type: subscriptionType, ID: id})
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			err = store.ErrVersion
		}
		return 0, err
	}
	if current.Deleted || version != 0 && current.Version != version {
		return 0, store.ErrVersion
	}
	tree, err := d.tree(current)
	if err != nil {
		return 0, err
	}
	if root := tree.Root(); root.Child("status").Text() == status && root.Child("error").Text() == reason {
		return current.Version, nil
	}
	if err := restate(tree, status, reason); err != nil {
		return 0, err
	}
	w := &draft{rel: d.release(current.Release), tree: tree, key: current.Key, checked: true, restated: true}
	if w.entries, err = d.indexed(ctx, current, w.rel, tree); err != nil {
		return 0, err
	}
	write, err := d.write(w, http.MethodPatch, current)
	if err != nil {
		return 0, err
	}
	written, err := d.commit(ctx, &unit{s: d.Session(Principal{ID: kindSubscription}, nil), writes: []store.Write{write}, restates: true})
	if err != nil {
		return 0, err
	}
	return written[0].Version, nil
}
