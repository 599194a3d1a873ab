package fhirapi

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Bounds of telling what hid something.
const (
	hiddenAtOnce = 16
	hiddenTime   = 10 * time.Second
)

// tellHidden records what hid from the session what it asked for, in an event of its
// own: what is hidden is looked at when the answer has left, so that it takes no longer
// than that of what is missing.
func (c *call) tellHidden() {
	key := c.trail.Hidden()
	if key == (fhir.Key{}) || c.session == nil || c.unobserved {
		return
	}
	e := c.event(c.exchange.Status())
	e.Note, e.Count, e.Entities, e.Patients, e.Consents = "it is there and was hidden", 0, nil, nil, nil
	ctx := context.WithoutCancel(c.r.Context())
	select {
	case c.api.hidden <- struct{}{}:
	default: // too many: the event tells that, but not by what
		e.Hidden.Key = key.String()
		c.recordHidden(ctx, e)
		return
	}
	go func() {
		defer func() { <-c.api.hidden }()
		ctx, cancel := context.WithTimeout(ctx, hiddenTime)
		defer cancel()
		var err error
		if e.Hidden, err = c.session.Hiding(ctx, key); err != nil {
			c.api.config.Log.Error("what hid a resource cannot be told in the audit log", "request", e.Request, "error", err)
		}
		c.recordHidden(ctx, e)
	}()
}

func (c *call) recordHidden(ctx context.Context, e *audit.Event) {
	if err := c.door.Audit().Record(ctx, e); err != nil && !errors.Is(err, audit.ErrClosed) {
		c.api.config.Log.Error("an event of the audit log was not recorded", "request", e.Request, "error", err)
	}
}
