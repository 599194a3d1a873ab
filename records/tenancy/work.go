package tenancy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// handle does what a job is to do, from the beginning.
func (o *Office) handle(ctx context.Context, w *jobs.Work) error {
	var what order
	if err := w.Args(&what); err != nil {
		return err
	}
	t, err := o.Tenant(ctx, what.Name)
	if fault.KindOf(err) == fault.NotFound || err == nil && t.Job != w.ID() {
		return nil // it was done, or taken back
	}
	switch {
	case err != nil:
		return err
	case what.Remove:
		return o.remove(ctx, t)
	}
	return o.make(ctx, t, w)
}

func (o *Office) make(ctx context.Context, t Tenant, w *jobs.Work) error {
	there, err := o.config.Places.There(ctx, t.Name)
	if err != nil {
		return err
	}
	// It was not there when it was ordered: what is there an earlier attempt has made.
	switch {
	case there:
	case w.Attempt() > attempts:
		err = fmt.Errorf("the process ended each of the %d times that it was begun", attempts)
	default:
		err = o.begin(ctx, t, w)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return o.failed(ctx, t, err)
	}
	if err := o.record(ctx, t, "was made", nil); err != nil {
		return err
	}
	err = o.list.made(ctx, t, func(t *Tenant) { t.State, t.Since = Serving, o.now() })
	o.wake()
	return err
}

// begin makes a tenant. What it is to be a copy of may have gone since it was ordered.
func (o *Office) begin(ctx context.Context, t Tenant, w *jobs.Work) error {
	if t.Content == Copy {
		if err := o.source(ctx, t.Of); err != nil {
			return err
		}
	}
	return o.config.Places.Make(ctx, t, func(ctx context.Context, bytes int64) error { return w.Save(ctx, progress{bytes}) })
}

// attempts is how often a tenant is begun to be made.
const attempts = 5

// failed says in the list why a tenant could not be made.
func (o *Office) failed(ctx context.Context, t Tenant, why error) error {
	if err := o.record(ctx, t, "could not be made", why); err != nil {
		return errors.Join(why, err)
	}
	err := o.list.made(ctx, t, func(t *Tenant) {
		t.State, t.Since, t.Error = Failed, o.now(), Reason(why)
	})
	if err != nil {
		return errors.Join(why, err)
	}
	return jobs.Permanent(why)
}

// Reason is what administrators are told of an error.
func Reason(err error) string {
	if errors.Is(err, store.ErrFull) {
		return "the disk is full"
	}
	return err.Error()
}

// releaseTime is how long a process may take to let go of a tenant.
const releaseTime = 5 * time.Minute

func (o *Office) remove(ctx context.Context, t Tenant) error {
	o.wake()
	for deadline := time.Now().Add(releaseTime); o.config.Released != nil && !o.config.Released(t.Name); {
		if time.Now().After(deadline) {
			return fmt.Errorf("requests to tenant %s do not end", t.Name)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
	// Another may have removed it since, and what has its name be a new one.
	now, err := o.Tenant(ctx, t.Name)
	if fault.KindOf(err) == fault.NotFound || err == nil && now.Job != t.Job {
		return nil
	}
	if err != nil {
		return err
	}
	if err := o.config.Places.Remove(ctx, t.Name); err != nil {
		return err
	}
	if err := o.record(ctx, t, "was deleted", nil); err != nil {
		return err
	}
	return o.list.drop(ctx, t)
}

// progress is what a job that makes a tenant saves.
type progress struct {
	Bytes int64 `json:"bytes"` // that were copied
}

// Wait returns a tenant when it is neither being made nor being removed any more, or
// ctx has ended; NotFound once it is removed.
func (o *Office) Wait(ctx context.Context, name string) (Tenant, error) {
	var last Tenant
	for {
		t, err := o.Tenant(ctx, name)
		switch {
		case err != nil && ctx.Err() != nil && last.State != "":
			return last, nil // it ended while the database was asked
		case err != nil || t.State != Making && t.State != Ending:
			return t, err
		}
		last = t
		select {
		case <-ctx.Done():
			return t, nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// watchEvery is how often a process looks which tenants it is to serve.
const watchEvery = time.Second

// Watch calls serve with the names of the tenants that are to be served, at the
// beginning and whenever there may be others, until ctx ends.
func (o *Office) Watch(ctx context.Context, serve func(ctx context.Context, names []string)) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		names, err := o.Served(ctx)
		switch {
		case err == nil:
			serve(ctx, names)
		case ctx.Err() == nil:
			o.config.Log.WarnContext(ctx, "it is not known which tenants are to be served", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-o.woken:
		}
	}
}

// Served are the names of the tenants that are to be served now.
func (o *Office) Served(ctx context.Context) ([]string, error) {
	all, err := o.List(ctx)
	return o.served(all), err
}

// served are those of a list that are served, beside the fixed ones.
func (o *Office) served(all []Tenant) []string {
	var names []string
	for _, t := range all {
		if t.State == Serving && o.changeable(t.Name) == nil {
			names = append(names, t.Name)
		}
	}
	return names
}
