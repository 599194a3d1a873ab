package records

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// Jobs keeps the tenant's durable work, beside its records.
func (d *Door) Jobs() store.Jobs { return d.store }

// CancelJob ends a job that has not ended. Who works on it notices within some seconds.
// NotFound when there is none of that id, Conflict when it has ended.
func (d *Door) CancelJob(ctx context.Context, id string) error {
	err := d.store.CancelJob(ctx, id, d.config.Clock())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "there is no such job")
	case errors.Is(err, store.ErrVersion):
		return fault.New(fault.Conflict, fault.CodeConflict, "", "the job has ended already")
	}
	return d.fault(err)
}
