package subscribe

import (
	"context"

	"github.com/coder/websocket"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// flights are for whom a connection counts as one of the requests at once: for all
// together as long as it is open, and for whom something is bound, or for where it comes
// from while nothing is.
type flights map[limits.Who]limits.Flight

// begin counts the connection for somebody, if it does not yet.
func (f flights) begin(l *limits.Limiter, who limits.Who) limits.Verdict {
	if _, counted := f[who]; counted {
		return limits.Verdict{}
	}
	flight, v := l.Begin(who)
	if !v.Refused {
		f[who] = flight
	}
	return v
}

func (f flights) end() {
	for _, one := range f {
		one.End()
	}
}

// open counts a connection that is opened.
func (f flights) open(l *limits.Limiter, address limits.Who) limits.Verdict {
	if v := f.begin(l, limits.Who{}); v.Refused {
		return v
	}
	return f.begin(l, address)
}

// holder is for whom the connection counts as one of the requests at once by what is bound
// for a standing. As with a page that stays open an app may have as many users as it
// likes.
func (c *connection) holder(n records.Standing) limits.Who {
	switch {
	case n.User != "":
		return limits.Who{User: n.User, Counted: true}
	case n.Client != "":
		return limits.Who{App: n.Client, Counted: true}
	}
	return c.address
}

// settle ends the flights of those for whom nothing is bound any more. When nothing is
// bound at all, the connection counts for its address again, if that may have one more.
func (c *connection) settle() {
	if len(c.bound) == 0 && c.flights.begin(c.door.Limits(), c.address).Refused {
		return
	}
	holders := map[limits.Who]bool{{}: true, c.address: len(c.bound) == 0}
	for _, b := range c.bound {
		holders[c.holder(b.standing)] = true
	}
	for who, flight := range c.flights {
		if !holders[who] {
			flight.End()
			delete(c.flights, who)
		}
	}
}

// count counts a subscription that is to be bound as a request of whom the token is for,
// or, if it is for nobody or they may do nothing any more, of where it comes from.
func (c *connection) count(n records.Standing, stands bool) limits.Verdict {
	who := limits.Who{App: n.Client, User: n.User}
	if !stands || who == (limits.Who{}) {
		who = limits.Who{Address: c.address.Address}
	}
	return c.door.Limits().Take(limits.Requests, who, 1)
}

// throttled tells who asks for too much that it is, and ends the connection.
func (c *connection) throttled(ctx context.Context, v limits.Verdict) error {
	err := fault.New(fault.Throttled, fault.CodeThrottled, "", "Too much was asked for: there is a limit to %s. Come again in %s seconds; an administrator can raise it.", v.Reason(), v.RetryAfter())
	if err := c.problem(ctx, err); err != nil {
		return err
	}
	return &ending{websocket.StatusTryAgainLater, "too much was asked for: come again later"}
}
