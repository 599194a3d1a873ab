package fhirapi

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// who is whom the request counts for, beside where it comes from.
func (c *call) who() limits.Who {
	p := c.session.Principal()
	who := limits.Who{App: p.Client, Counted: c.exchange.Client().Counted}
	if p.ID != p.Client {
		who.User = p.ID
	}
	return who
}

// limit counts the request for its app and user, and as one of those at once; and has
// its searches pay for what they cost.
func (c *call) limit() error {
	l, who := c.door.Limits(), c.who()
	if err := c.exchange.Limit(l.Take(limits.Requests, who, 1)); err != nil {
		return err
	}
	all := who
	all.Address, all.Counted = c.exchange.Client().Address, false
	if err := c.exchange.Begin(l, all); err != nil {
		return err
	}
	if who.App != "" || who.User != "" {
		c.session = c.session.Metered(c.spend)
	}
	return nil
}

// spend pays for a search before it runs.
func (c *call) spend(_ context.Context, cost records.Cost) error {
	who := c.who()
	who.Counted = false
	v := c.door.Limits().Query(who, cost.Resources)
	switch {
	case !v.Refused:
		return nil
	case v.Meter() == limits.QueryCost:
		const narrower = "Ask for fewer at once (_count), for fewer types or _include and _revinclude, without _total=accurate, or narrow it by a patient, a code or a date."
		if cost.Secret {
			return fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "This search would look at more resources than the %d that one may look at. %s", v.Limit().Amount, narrower)
		}
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, "",
			"This search would look at about %d resources, and one may look at %d: %s. %s", cost.Resources, v.Limit().Amount, cost, narrower)
	}
	c.w.Header().Set("Retry-After", v.RetryAfter())
	return web.Throttled(v)
}

// turn waits until it is the turn of who asks.
func (c *call) turn() error {
	p := c.session.Principal()
	key := ""
	if p.Client != "" || p.ID != "" {
		key = p.Client + " " + p.ID
	}
	return c.exchange.Enter(c.r, c.api.config.Gate, key)
}

// bounded gives a read its turn, and then so much time.
func (c *call) bounded(long time.Duration) (context.Context, context.CancelFunc, error) {
	if err := c.turn(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), long)
	return ctx, cancel, nil
}
