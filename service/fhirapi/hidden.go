package fhirapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Bounds of telling what hid something.
const (
	hiddenAtOnce = 16
	hiddenTime   = 10 * time.Second
	hiddenPause  = 20 * time.Millisecond
)

// tellHidden records what hid from the session what it asked for, in an event of its
// own: what is hidden is looked at when the answer has left, so that it takes no longer
// than that of what is missing. What is missing has such an event, too, since their
// numbers can be counted by whoever reads the own events.
func (c *call) tellHidden() {
	key, missed := c.trail.Hidden(), c.trail.Missed()
	none := fhir.Key{}
	if key == none && missed == none || c.session == nil || c.unobserved {
		return
	}
	status := c.exchange.Status()
	if key == none && c.r.Method == http.MethodPut && status < http.StatusBadRequest {
		return // it was made
	}
	e := c.event(c.trail, status)
	asked := naming(e)
	e.Note, e.Count, e.Entities, e.Patients, e.Consents = "it is there and was hidden", 0, nil, nil, nil
	if key == none {
		e.Note = "it is not there"
	}
	ctx := context.WithoutCancel(c.r.Context())
	select {
	case c.api.hidden <- struct{}{}:
	default: // too many: the event tells that, but not by what
		if key != none {
			e.Hidden.Key = key.String()
		}
		e.Hidden.Patients = asked
		c.recordHidden(ctx, e)
		return
	}
	go func() {
		defer func() { <-c.api.hidden }()
		time.Sleep(hiddenPause) // the end of the answer is still to be written
		ctx, cancel := context.WithTimeout(ctx, hiddenTime)
		defer cancel()
		if key != none {
			var err error
			if e.Hidden, err = c.session.Hiding(ctx, key); err != nil {
				c.api.config.Log.Error("what hid a resource cannot be told in the audit log", "request", e.Request, "error", err)
			}
		}
		for _, patient := range asked {
			if !slices.Contains(e.Hidden.Patients, patient) {
				e.Hidden.Patients = append(e.Hidden.Patients, patient)
			}
		}
		c.recordHidden(ctx, e)
	}()
}

// naming are the patients of an event whom its target or query names.
func naming(e *audit.Event) (all []string) {
	for i := range e.Patients {
		key := e.Patients[i].Key
		if id := strings.TrimPrefix(key, "Patient/"); strings.Contains(e.Target, id) || strings.Contains(e.Query, id) {
			all = append(all, key)
		}
	}
	return all
}

func (c *call) recordHidden(ctx context.Context, e *audit.Event) {
	if err := c.door.Audit().Record(ctx, e); err != nil && !errors.Is(err, audit.ErrClosed) {
		c.api.config.Log.Error("an event of the audit log was not recorded", "request", e.Request, "error", err)
	}
}
