package pages

import (
	"context"
	"errors"
	"strconv"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// limit counts the request for the visitor, and as one of those at once, and waits for
// the visitor's turn. What goes on as long as a page is open waits for none, and counts for
// nobody else at the address.
func (v *Visit) limit(p Page) error {
	x := web.From(v.R.Context())
	if x == nil {
		return nil
	}
	l, who, key := v.Door.Limits(), x.Client(), ""
	who.Counted = false
	if v.User != nil {
		if err := x.Limit(l.Take(limits.Requests, limits.Who{User: v.User.ID, Counted: true}, 1)); err != nil {
			return err
		}
		who.User, key = v.User.ID, " "+v.User.ID
	}
	if p.Live {
		return x.Begin(l, limits.Who{User: who.User})
	}
	if err := x.Begin(l, who); err != nil {
		return err
	}
	return x.Enter(v.R, v.House.Gate, key)
}

// metered has the searches of a session pay for what they cost.
func (v *Visit) metered(s *records.Session) *records.Session {
	if v.User == nil {
		return s
	}
	return s.Metered(func(_ context.Context, c records.Cost) error {
		verdict := v.Door.Limits().Query(limits.Who{User: v.User.ID}, c.Resources)
		switch {
		case !verdict.Refused:
			return nil
		case verdict.Meter() == limits.QueryCost && c.Secret:
			return fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "This would look at more records than the %d that you may look at at once. Ask for less: for one patient, a code or a time.", verdict.Limit().Amount)
		case verdict.Meter() == limits.QueryCost:
			return fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "This would look at about %d records, and you may look at %d at once. Ask for less: for one patient, a code or a time.", c.Resources, verdict.Limit().Amount)
		}
		v.W.Header().Set("Retry-After", verdict.RetryAfter())
		return web.Throttled(verdict)
	})
}

// crowded is what is said instead of an error of a limit: how long to wait; "" for other
// errors.
func (v *Visit) crowded(f *fault.Error) (message, wait string) {
	h := v.W.Header()
	if h.Get("Retry-After") == "" && (f.Kind == fault.Throttled || errors.Is(f, limits.ErrBusy)) {
		h.Set("Retry-After", "2")
	}
	wait = h.Get("Retry-After")
	switch {
	case errors.Is(f, limits.ErrBusy):
		message = "Many people ask for something just now. Nothing was changed."
	case f.Kind == fault.Throttled:
		message = "More was asked for in your name, or from where you are, than there may be at once. Nothing was changed."
	default:
		return "", ""
	}
	if n, err := strconv.Atoi(wait); err == nil && n == 1 {
		return message, "1 second"
	}
	return message, wait + " seconds"
}
