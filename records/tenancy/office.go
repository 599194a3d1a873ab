package tenancy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// Places are where the stores of tenants are.
type Places interface {
	// There says whether a tenant has a store, in whatever way it came to be.
	There(ctx context.Context, name string) (bool, error)
	// Make makes the store of a tenant with what is in it, all or nothing: before it
	// appears, hold is called, and with an error of it nothing does. hold is called now
	// and then with the bytes that were copied, as well.
	Make(ctx context.Context, t Tenant, hold func(ctx context.Context, bytes int64) error) error
	// Remove removes the store of a tenant, and what Make left when it was cut short.
	Remove(ctx context.Context, name string) error
}

// Config is what an Office needs.
type Config struct {
	Store  store.Store // required: the default tenant's
	Places Places      // required
	Fixed  []string    // tenants that the command line names
	// Released says whether this process has let go of a tenant that is not served any
	// more; nil: it holds none.
	Released func(name string) bool
	// Settle is how long other processes are given to let go of a tenant, from when it was
	// suspended; 0: there are none.
	Settle time.Duration
	Clock  func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: nothing is logged
}

// Office is where tenants are made and ended. It is safe for concurrent use, and several
// processes may have one of the same store.
type Office struct {
	config Config
	list   list
	runner *jobs.Runner
	woken  chan struct{} // by a change that this process made
}

// Kind is that of the jobs.
const Kind = "tenant"

// order is what a job is to do.
type order struct {
	Name   string `json:"name"`
	Remove bool   `json:"remove,omitempty"`
}

// New makes an Office. Run does what is ordered.
func New(c Config) *Office {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	o := &Office{config: c, list: list{c.Store}, woken: make(chan struct{}, 1)}
	o.runner = jobs.NewRunner(jobs.Config{Store: c.Store, Clock: c.Clock, Log: c.Log, Workers: 1, Handlers: map[string]jobs.Handler{Kind: o.handle}})
	return o
}

// Run makes and removes tenants until ctx ends.
func (o *Office) Run(ctx context.Context) error {
	var looking sync.WaitGroup
	defer looking.Wait()
	looking.Go(func() { o.catchUp(ctx) })
	return o.runner.Run(ctx)
}

// List returns the tenants that were made while servers ran, in the order of their
// making.
func (o *Office) List(ctx context.Context) ([]Tenant, error) {
	all, _, err := o.list.read(ctx)
	return all, err
}

// Tenant returns one of them; NotFound.
func (o *Office) Tenant(ctx context.Context, name string) (Tenant, error) {
	all, err := o.List(ctx)
	if err != nil {
		return Tenant{}, err
	}
	if t := find(all, name); t != nil {
		return *t, nil
	}
	return Tenant{}, unknown(name)
}

// Make orders a tenant by its Name, Content, Of, Patients and By. Invalid for a name that cannot
// be, Conflict for one that is taken, NotFound when there is nothing to copy.
func (o *Office) Make(ctx context.Context, t Tenant) (Tenant, error) {
	if err := t.check(); err != nil {
		return t, err
	}
	if err := o.free(ctx, t.Name); err != nil {
		return t, err
	}
	if t.Content == Copy {
		if err := o.source(ctx, t.Of); err != nil {
			return t, err
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return t, err
	}
	t.State, t.Created, t.Job, t.Error = Making, o.now(), id.String(), ""
	t.Since = t.Created
	if err := o.list.add(ctx, t); err != nil {
		return t, err
	}
	return t, o.enqueue(ctx, t.Job, order{Name: t.Name}, 0)
}

// free refuses a name that is in use outside the list.
func (o *Office) free(ctx context.Context, name string) error {
	if slices.Contains(o.config.Fixed, name) {
		return taken(name)
	}
	all, err := o.List(ctx)
	if err != nil {
		return err
	}
	if t := find(all, name); t != nil && t.State != Failed {
		return taken(name)
	}
	there, err := o.config.Places.There(ctx, name)
	if err == nil && there {
		err = fault.New(fault.Conflict, fault.CodeDuplicate, "name", "There are records of a tenant %s already, which is not served: start the server with --tenant %[1]s, or choose another name.", name)
	}
	return err
}

// source refuses what cannot be copied.
func (o *Office) source(ctx context.Context, name string) error {
	there, err := o.config.Places.There(ctx, name)
	if err == nil && !there {
		err = fault.New(fault.NotFound, fault.CodeNotFound, "of", "There is no tenant %s to copy.", name)
	}
	if err != nil {
		return err
	}
	all, err := o.List(ctx)
	if t := find(all, name); t != nil && t.State != Serving && t.State != Suspended {
		return fault.New(fault.Conflict, fault.CodeConflict, "of", "Tenant %s is %s: it cannot be copied.", name, t.State)
	}
	return err
}

// Suspend has nobody reach a tenant, and keeps it.
func (o *Office) Suspend(ctx context.Context, name string) error {
	return o.state(ctx, name, Serving, Suspended, "only one that is served can be suspended")
}

// Resume serves a tenant that was suspended.
func (o *Office) Resume(ctx context.Context, name string) error {
	return o.state(ctx, name, Suspended, Serving, "only one that is suspended can be resumed")
}

func (o *Office) state(ctx context.Context, name string, from, to State, how string) error {
	if err := o.changeable(name); err != nil {
		return err
	}
	_, err := o.list.move(ctx, name, []State{from}, how, func(t *Tenant) { t.State, t.Since = to, o.now() })
	o.wake()
	return err
}

func (o *Office) now() time.Time { return o.config.Clock().UTC().Truncate(time.Millisecond) }

// changeable refuses what the command line decides.
func (o *Office) changeable(name string) error {
	if name == "" || slices.Contains(o.config.Fixed, name) {
		return fault.New(fault.Conflict, fault.CodeConflict, "", "%s is served because the command line says so: it ends with that.", upper(Called(name)))
	}
	return nil
}

// Delete removes a tenant that is suspended, with all that it holds, or takes back one
// that is being made.
func (o *Office) Delete(ctx context.Context, name string) error {
	if err := o.changeable(name); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	var was Tenant
	_, err = o.list.move(ctx, name, []State{Suspended, Making, Failed, Ending}, "suspend it first", func(t *Tenant) {
		was = *t
		t.State, t.Since, t.Job = Ending, o.now(), id.String()
	})
	if err != nil {
		return err
	}
	if was.State == Making {
		if err := o.runner.Cancel(ctx, was.Job); err != nil && !errors.Is(err, store.ErrVersion) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	settle := o.config.Settle
	if was.State != Making {
		settle -= o.now().Sub(was.Since)
	}
	return o.enqueue(ctx, id.String(), order{Name: name, Remove: true}, settle)
}

func (o *Office) enqueue(ctx context.Context, id string, what order, later time.Duration) error {
	j := jobs.Job{ID: id, Kind: Kind, Args: what}
	if later > 0 {
		j.RunAt = o.config.Clock().Add(later)
	}
	_, err := o.runner.Enqueue(ctx, j)
	if errors.Is(err, store.ErrVersion) {
		return nil // another process has caught up with it
	}
	return err
}

// wake has Watch look at once.
func (o *Office) wake() {
	select {
	case o.woken <- struct{}{}:
	default:
	}
}

// record tells the default tenant's audit log what a job did.
func (o *Office) record(ctx context.Context, t Tenant, done string, failed error) error {
	e := &audit.Event{Time: o.config.Clock(), Kind: audit.Administer, Note: t.String() + " " + done, Agent: audit.Agent{Login: t.By}}
	if failed != nil {
		e.Status = 500
	}
	return audit.Append(ctx, o.config.Store, e)
}

// Copied is how many bytes were copied for a tenant so far.
func (o *Office) Copied(ctx context.Context, t Tenant) (int64, error) {
	j, err := o.config.Store.ReadJob(ctx, t.Job)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var p progress
	if saved := jobs.Progress(j); saved != nil {
		err = json.Unmarshal(saved, &p)
	}
	return p.Bytes, err
}
