package subscribe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// binding is a Subscription that a connection is told of.
type binding struct {
	id       fhir.ID
	until    time.Time // when its token expires
	standing records.Standing
	next     int64     // number of the event that comes next
	heard    time.Time // when something was sent last
	beat     time.Duration
}

// eventsAtOnce is how many events a message has whose Subscription does not say.
const eventsAtOnce = 50

// permitted is the state of a Subscription that whoever has the token may see at
// this moment, and the session of that.
func (c *connection) permitted(ctx context.Context, b *binding) (*records.Session, notify.State, error) {
	session, err := c.sockets.config.Sessions.Stand(ctx, c.door, b.standing)
	if errors.Is(err, records.ErrStanding) {
		return nil, notify.State{}, fault.Wrap(err, fault.Forbidden, fault.CodeForbidden, "", "Nothing is allowed any more to whom the token was given.")
	}
	if err != nil {
		return nil, notify.State{}, err
	}
	// What is looked at does not leave; what does, the log records.
	state, err := c.log.Mine(audit.WithTrail(ctx, nil), session, b.id)
	if err == nil && (state.System != "" || state.Code != WebSocket) {
		err = fault.New(fault.Invalid, fault.CodeInvalid, "", "Subscription/%s is not told by WebSocket.", b.id)
	}
	return session, state, err
}

// pump sends the events that there are of all subscriptions. One that cannot be told
// is let go.
func (c *connection) pump(ctx context.Context) error {
	for _, b := range c.bound {
		if err := c.catchUp(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (c *connection) catchUp(ctx context.Context, b *binding) error {
	state, err := c.log.State(ctx, b.id)
	for err == nil && ctx.Err() == nil && b.next <= state.Total && state.Status == "active" {
		var session *records.Session
		if session, state, err = c.permitted(ctx, b); err != nil {
			break
		}
		most := state.MaxCount
		if most <= 0 || most > eventsAtOnce {
			most = eventsAtOnce
		}
		m, last, failure := c.log.MessageFor(ctx, session, b.id, notify.OfEvents, "", "", b.next, state.Total, most)
		if failure != nil {
			err = failure
			break
		}
		if last < b.next {
			return nil
		}
		if len(m.Events) > 0 {
			b.heard = c.now()
			if err := c.tell(ctx, state, m); err != nil {
				return err
			}
		}
		b.next, c.sent[b.id] = last+1, last
	}
	if err != nil {
		return c.lost(ctx, b, err)
	}
	b.beat = state.Heartbeat
	if state.Status == "off" || state.Status == "error" {
		return c.status(ctx, b, state)
	}
	return nil
}

// status tells that a Subscription is not active any more, and lets go of it.
func (c *connection) status(ctx context.Context, b *binding, state notify.State) error {
	if _, _, err := c.permitted(ctx, b); err != nil {
		return c.lost(ctx, b, err)
	}
	c.unbind(b)
	m, _, err := c.log.Message(ctx, b.id, notify.QueryStatus, "", "", 0, 0, 0)
	if err != nil {
		return c.lost(ctx, b, err)
	}
	return c.tell(ctx, state, m)
}

func (c *connection) unbind(b *binding) {
	if c.bound[string(b.id)] == nil {
		return
	}
	delete(c.bound, string(b.id))
	c.began = c.now()
	c.settle()
}

// lost lets go of a Subscription and says why.
func (c *connection) lost(ctx context.Context, b *binding, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if kind := fault.KindOf(err); kind == fault.Internal || kind == fault.Unavailable {
		return c.failed(err)
	}
	c.unbind(b)
	return c.problem(ctx, err)
}

// failed ends the connection, whose subscriber may come again.
func (c *connection) failed(err error) error {
	c.sockets.config.Log.Error("a WebSocket is closed", "tenant", c.door.Name(), "error", err)
	return &ending{websocket.StatusTryAgainLater, "the server failed: come again"}
}

// tell sends a message in the form of its Subscription: one of R4's own is told by a
// ping for each event (R4 §2.46.7.2).
func (c *connection) tell(ctx context.Context, state notify.State, m notify.Message) error {
	if !state.Plain {
		return c.write(ctx, m.Body)
	}
	text := fmt.Sprintf("ping %s", m.Subscription)
	if m.Kind == notify.Handshake {
		text = fmt.Sprintf("bound %s", m.Subscription)
	}
	return c.write(ctx, []byte(text))
}

// tend does what is due by the clock, and says how long until something is again.
func (c *connection) tend(ctx context.Context) (time.Duration, error) {
	now := c.now()
	if len(c.bound) == 0 && now.Sub(c.began) >= c.sockets.config.Unbound {
		return 0, &ending{websocket.StatusPolicyViolation, "no subscription is bound"}
	}
	next := now.Add(c.sockets.config.Look)
	if len(c.bound) == 0 {
		next = earlier(next, c.began.Add(c.sockets.config.Unbound))
	}
	for _, b := range c.bound {
		if !now.Before(b.until) {
			err := c.lost(ctx, b, fault.New(fault.Unauthenticated, fault.CodeLogin, "", "The token of Subscription/%s has expired: bind another to be told of it again.", b.id))
			if err != nil {
				return 0, err
			}
			continue
		}
		next = earlier(next, b.until)
		if b.beat > 0 {
			if !now.Before(b.heard.Add(b.beat)) {
				if err := c.heartbeat(ctx, b); err != nil {
					return 0, err
				}
			}
			next = earlier(next, b.heard.Add(b.beat))
		}
	}
	return max(next.Sub(now), time.Millisecond), nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// heartbeat says that the Subscription is alive (backport-heartbeat-period).
func (c *connection) heartbeat(ctx context.Context, b *binding) error {
	_, state, err := c.permitted(ctx, b)
	if err != nil {
		return c.lost(ctx, b, err)
	}
	m, _, err := c.log.Message(ctx, b.id, notify.Heartbeat, "", "", 0, 0, 0)
	if err != nil {
		return c.lost(ctx, b, err)
	}
	b.heard = c.now()
	if state.Plain {
		return nil
	}
	return c.tell(ctx, state, m)
}
