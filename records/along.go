package records

import (
	"context"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// along is the event of a request on its way into the transaction of what the request
// changes, so that both are one commit.
type along struct {
	log   *audit.Log
	trail *audit.Trail
	event *audit.Event
	group []byte // as it is appended
}

// along makes the event of a unit that is all that its request changes; nil when the event
// is recorded by itself. Everything slow is done here: the transaction only appends.
func (d *Door) along(ctx context.Context, u *unit, consents []fhir.Key) *along {
	log, trail := d.config.Audit, audit.TrailOf(ctx)
	// What Consents say is in the event as it is when they are written.
	if !u.sole || u.bulk || len(consents) > 0 || log == nil || !log.Along() {
		return nil
	}
	for _, key := range u.deletes {
		if u.former[key] == nil {
			return nil
		}
	}
	e := trail.Foretold(u.creates, func(t *audit.Trail) {
		for i := range u.writes {
			w := &u.writes[i]
			t.Touch(actionOf(w.Method), w.Key, w.Expect+1, d.patients(w.Release, w.Key, u.content(w.Key))...)
		}
	})
	if e == nil {
		return nil
	}
	return &along{log: log, trail: trail, event: e, group: log.Encode(e)}
}

// content is the JSON of what is written, or was before it is deleted.
func (u *unit) content(key fhir.Key) []byte {
	for _, w := range u.drafts {
		if w.key == key {
			return w.json
		}
	}
	return u.former[key]
}

// append has the event go along.
func (a *along) append(ctx context.Context, tx store.Tx) error {
	if a == nil {
		return nil
	}
	return tx.AppendAudit(ctx, a.group)
}

// went notes that the event was committed, and what it told.
func (a *along) went() {
	if a != nil {
		a.log.Appended(1)
		a.trail.Went(a.event.Status)
	}
}
