package subscribe

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// maxMistakes is how many messages that mean nothing a subscriber may send.
const maxMistakes = 5

// connection is one WebSocket. All is done by the goroutine of run; another one
// reads.
type connection struct {
	sockets *Sockets
	door    *records.Door
	log     Log
	conn    *websocket.Conn

	bound    map[string]*binding // by Subscription
	mistakes int
	began    time.Time // without a subscription

	sent  map[fhir.ID]int64      // numbers of the last events sent that are not known to have come
	asked bool                   // whether what was sent has come
	ask   chan map[fhir.ID]int64 // to ping
	came  chan map[fhir.ID]int64 // from ping

	address limits.Who // where it comes from; all together count apart
	flights flights    // for whom it counts
}

// pending is how much of what a subscriber says may wait.
const pending = 16

// run serves the connection until either side ends it.
func (c *connection) run(ctx context.Context) {
	defer func() { _ = c.conn.CloseNow() }()
	c.conn.SetReadLimit(maxToken + 1<<10)
	// A context that ends breaks the connection off, before a farewell can be said.
	listening, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	said := make(chan string, pending)
	gone := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() {
		defer close(gone)
		c.read(listening, said)
	})
	beside.Go(func() { c.ping(listening) })
	err := c.loop(ctx, said, gone)
	var end *ending
	switch {
	case ctx.Err() != nil:
		_ = c.conn.Close(websocket.StatusGoingAway, "the server stops: come again")
	case errors.As(err, &end):
		_ = c.conn.Close(end.status, end.why)
	}
	stop()
	_ = c.conn.CloseNow()
	beside.Wait()
}

// ending is why a connection is closed, as its subscriber is told.
type ending struct {
	status websocket.StatusCode
	why    string
}

func (e *ending) Error() string { return e.why }

// read hands over what the subscriber says until there is no more.
func (c *connection) read(ctx context.Context, said chan<- string) {
	for {
		kind, text, err := c.conn.Read(ctx)
		if err != nil {
			return
		}
		if kind != websocket.MessageText {
			text = nil
		}
		select {
		case said <- string(text):
		case <-ctx.Done():
			return
		}
	}
}

// ping asks whether the subscriber is there, again and again and after events: its
// answer says that what was sent before has come. Without one the connection ends.
func (c *connection) ping(ctx context.Context) {
	tick := time.NewTicker(c.sockets.config.Ping)
	defer tick.Stop()
	for {
		var sent map[fhir.ID]int64
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case sent = <-c.ask:
		}
		once, cancel := context.WithTimeout(ctx, c.sockets.config.Slow)
		err := c.conn.Ping(once)
		cancel()
		if err != nil {
			_ = c.conn.CloseNow()
			return
		}
		if sent == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case c.came <- sent:
		}
	}
}

// confirm asks whether what was sent has come.
func (c *connection) confirm() {
	if c.asked || len(c.sent) == 0 {
		return
	}
	c.asked = true
	c.ask <- c.sent // which has room for one
	c.sent = map[fhir.ID]int64{}
}

// took notes what has come.
func (c *connection) took(ctx context.Context, sent map[fhir.ID]int64) error {
	c.asked = false
	for id, number := range sent {
		if err := c.log.Took(ctx, id, number); err != nil && fault.KindOf(err) != fault.NotFound {
			return c.failed(err)
		}
	}
	return nil
}

func (c *connection) loop(ctx context.Context, said <-chan string, gone <-chan struct{}) error {
	c.began = c.now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake := c.log.Wake() // before what it tells is read
		if err := c.pump(ctx); err != nil {
			return err
		}
		wait, err := c.tend(ctx)
		if err != nil {
			return err
		}
		c.confirm()
		timer.Reset(wait)
		if len(c.bound) == 0 {
			wake = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-gone:
			return nil
		case text := <-said:
			if err := c.hear(ctx, text); err != nil {
				return err
			}
		case sent := <-c.came:
			if err := c.took(ctx, sent); err != nil {
				return err
			}
		case <-wake:
		case <-timer.C:
		}
	}
}

// hear does what a subscriber says.
func (c *connection) hear(ctx context.Context, text string) error {
	word, token, _ := strings.Cut(strings.TrimSpace(text), " ")
	if strings.TrimSuffix(word, ":") != "bind-with-token" {
		return c.mistake(ctx, "Say this: bind-with-token TOKEN, with a token of Subscription/$get-ws-binding-token.")
	}
	t, ok := c.sockets.opened(c.door, strings.TrimSpace(token))
	if !ok {
		return c.mistake(ctx, "The token is none of this server, or has expired. Ask Subscription/$get-ws-binding-token for another.")
	}
	for _, id := range t.Subscriptions {
		if err := c.bind(ctx, id, t); err != nil {
			return err
		}
	}
	return nil
}

// bind tells the notifications of a Subscription from now on.
func (c *connection) bind(ctx context.Context, id fhir.ID, t sealed) error {
	if c.bound[string(id)] == nil && len(c.bound) >= maxBound {
		return c.mistake(ctx, "A WebSocket is bound to at most 100 subscriptions. Open another.")
	}
	b := &binding{id: id, until: time.Unix(t.Until, 0), standing: t.Standing}
	session, state, err := c.permitted(ctx, b)
	if v := c.count(b.standing, session != nil); v.Refused {
		return c.throttled(ctx, v)
	}
	if err != nil {
		return c.lost(ctx, b, err)
	}
	b.next, b.heard = state.Taken+1, c.now()
	if known := c.bound[string(id)]; known != nil {
		b.next = max(b.next, known.next)
	}
	m, _, err := c.log.Message(ctx, id, notify.Handshake, "", "", 0, 0, 0)
	if err != nil {
		return c.lost(ctx, b, err)
	}
	if v := c.flights.begin(c.door.Limits(), c.holder(b.standing)); v.Refused {
		return c.throttled(ctx, v)
	}
	c.bound[string(id)] = b
	c.settle()
	return c.tell(ctx, state, m)
}

// mistake says that what a subscriber said means nothing.
func (c *connection) mistake(ctx context.Context, why string) error {
	if c.mistakes++; c.mistakes > maxMistakes {
		return &ending{websocket.StatusPolicyViolation, "too many messages that mean nothing"}
	}
	return c.problem(ctx, fault.New(fault.Invalid, fault.CodeInvalid, "", "%s", why))
}

// problem sends an OperationOutcome.
func (c *connection) problem(ctx context.Context, err error) error {
	return c.write(ctx, web.AppendOutcome(nil, web.Explain(err).Issues, false, false))
}

// write sends one message, or ends the connection when the subscriber does not take
// it in time.
func (c *connection) write(ctx context.Context, text []byte) error {
	// A context that ends meanwhile would break the connection off.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.sockets.config.Slow)
	defer cancel()
	return c.conn.Write(ctx, websocket.MessageText, text)
}

func (c *connection) now() time.Time { return c.sockets.config.Clock() }
