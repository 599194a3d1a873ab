package subscribe

import (
	"context"

	"github.com/coder/websocket"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// flights are for whom a connection counts as one of the requests at once: where it comes
// from until it is known for whom it is, and then them.
type flights map[limits.Who]limits.Flight

func (f flights) end() {
	for _, one := range f {
		one.End()
	}
}

// admit counts a subscription that is bound as a request of whom the token is for, and the
// connection as one of theirs at once. Who asks for too much is told so, and the connection
// ends.
func (c *connection) admit(ctx context.Context, n records.Standing) error {
	l := c.door.Limits()
	if v := l.Take(limits.Requests, limits.Who{App: n.Client, User: n.User}, 1); v.Refused {
		return c.throttled(ctx, v)
	}
	// As with a page that stays open: an app may have as many users as it likes.
	told := limits.Who{User: n.User}
	if n.User == "" {
		told.App = n.Client
	}
	if _, counted := c.flights[told]; counted || told == (limits.Who{}) {
		return nil
	}
	flight, v := l.Begin(told)
	if v.Refused {
		return c.throttled(ctx, v)
	}
	c.flights[told] = flight
	if from, ok := c.flights[c.address]; ok {
		from.End()
		delete(c.flights, c.address)
	}
	return nil
}

func (c *connection) throttled(ctx context.Context, v limits.Verdict) error {
	err := fault.New(fault.Throttled, fault.CodeThrottled, "", "Too much was asked for: there is a limit to %s. Come again in %s seconds; an administrator can raise it.", v.Reason(), v.RetryAfter())
	if err := c.problem(ctx, err); err != nil {
		return err
	}
	return &ending{websocket.StatusTryAgainLater, "too much was asked for: come again later"}
}
