package tenancy

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/store"
)

// catchUpEvery is how often a process looks for what was ordered without a job.
const catchUpEvery = 5 * time.Second

// catchUp orders, at the beginning and now and then, what stands in the list as being
// made or removed and has no job: who ordered it was cut off in between.
func (o *Office) catchUp(ctx context.Context) {
	tick := time.NewTicker(catchUpEvery)
	defer tick.Stop()
	for {
		if err := o.orderLeft(ctx); err != nil && ctx.Err() == nil {
			o.config.Log.WarnContext(ctx, "it is not known whether all tenants that were ordered are being made or removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (o *Office) orderLeft(ctx context.Context) error {
	all, err := o.List(ctx)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.State != Making && t.State != Ending {
			continue
		}
		_, err := o.config.Store.ReadJob(ctx, t.Job)
		if errors.Is(err, store.ErrNotFound) {
			what, settle := order{Name: t.Name}, time.Duration(0)
			if t.State == Ending {
				what.Remove, settle = true, o.config.Settle-o.now().Sub(t.Since)
			}
			err = o.enqueue(ctx, t.Job, what, settle)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
