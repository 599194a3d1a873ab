package records

import (
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// events erases what apps keep about the patient, who had access to the record, and what the audit log says of the
// patient up to the order. Where the patient acted for somebody else the log keeps
// that, for the other one. At the end the texts and units of what is gone go.
func (e *erasure) events(ctx context.Context) error {
	key := fhir.Key{Type: patientType, ID: e.patient}.String()
	n, err := identity.EraseAppStates(ctx, e.d.store, e.d.base+"/"+key)
	e.AppStates += n
	if err != nil {
		return err
	}
	n, err = identity.EraseContexts(ctx, e.d.store, e.patient)
	e.Accesses += n
	if err != nil {
		return err
	}
	if log := e.d.Audit(); log != nil {
		if err := log.Seal(ctx); err != nil { // only what has a number is found
			return err
		}
	}
	for _, q := range []audit.Query{{Patient: key, Concealed: true}, {Agent: key}} {
		q.Until, q.Limit = e.work.Created(), eraseBatch
		for q.From >= 0 {
			found, err := audit.Find(ctx, e.d.store, q)
			if err != nil {
				return err
			}
			for _, one := range found.Events {
				others := slices.ContainsFunc(one.Patients, func(p audit.Patient) bool { return p.Key != "" && p.Key != key }) ||
					slices.ContainsFunc(one.Hidden.Patients, func(of string) bool { return of != key })
				switch {
				case others && q.Agent != "":
					continue
				case others:
					err = audit.ErasePatient(ctx, e.d.store, one.Number, key)
				default:
					err = audit.Erase(ctx, e.d.store, one.Number)
				}
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
				e.Events++
			}
			q.From = found.Next
			if err := e.work.Save(ctx, e.erasureProgress); err != nil {
				return err
			}
		}
	}
	_, err = e.d.store.Expunge(ctx, store.Expunge{Fill: true})
	return err
}

// tell records what a job has removed.
func (d *Door) tell(ctx context.Context, by, note string) error {
	log := d.Audit()
	if log == nil {
		return nil
	}
	return log.Record(ctx, &audit.Event{Kind: audit.Administer, Agent: audit.Agent{Login: by}, Note: note})
}
