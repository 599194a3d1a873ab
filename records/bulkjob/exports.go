package bulkjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

const (
	// atOnce is how many exports of a tenant a process works on, perClient how many of
	// a client may be under way.
	atOnce    = 2
	perClient = 10
	sweeping  = time.Minute
	// lease is how long the export of a process that died is kept from the next one.
	lease = 5 * time.Second
)

// Phase is where an export is.
type Phase string

// The phases.
const (
	Waiting Phase = "waiting"
	Running Phase = "running"
	Done    Phase = "done"
	Failed  Phase = "failed"
)

// Export is an export as it is now.
type Export struct {
	ID string
	Request
	State
	Phase   Phase
	Error   string // why it failed, or was tried again
	Created time.Time
	Ended   time.Time // zero while it is under way
	Expires time.Time // when its files go; likewise
}

// Exports are the exports of a tenant.
type Exports struct {
	exporter *Exporter
	keep     time.Duration
	runner   *jobs.Runner
	log      *slog.Logger
	clock    func() time.Time
	starting sync.Mutex
}

// NewExports makes the exports of a tenant, whose files are kept for a while. A nil log
// is none.
func NewExports(x Exporter, keep time.Duration, log *slog.Logger) *Exports {
	if x.Clock == nil {
		x.Clock = time.Now
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e := &Exports{exporter: &x, keep: keep, log: log, clock: x.Clock}
	e.runner = jobs.NewRunner(jobs.Config{
		Store: x.Door.Jobs(), Workers: atOnce, Lease: lease, Clock: x.Clock, Log: log, Handlers: map[string]jobs.Handler{Kind: x.Handle},
	})
	return e
}

// Files keeps what the exports write.
func (x *Exports) Files() Files { return x.exporter.Files }

// Run works off the exports and removes those that have expired, until ctx ends.
func (x *Exports) Run(ctx context.Context) error {
	var sweeper sync.WaitGroup
	sweeper.Go(func() {
		tick := time.NewTicker(sweeping)
		defer tick.Stop()
		for {
			if err := x.Sweep(ctx); err != nil && ctx.Err() == nil {
				x.log.WarnContext(ctx, "exports that have expired were not removed", "error", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	defer sweeper.Wait()
	return x.runner.Run(ctx)
}

// Start begins an export. It is Throttled while the client has too many under way.
func (x *Exports) Start(ctx context.Context, r Request) (string, error) {
	x.starting.Lock() // two that come at once are counted one after the other
	defer x.starting.Unlock()
	list, err := x.List(ctx)
	if err != nil {
		return "", err
	}
	mine := 0
	for _, one := range list {
		if one.Ended.IsZero() && one.For.Same(r.For) {
			mine++
		}
	}
	if mine >= perClient {
		return "", fault.New(fault.Throttled, fault.CodeThrottled, "", "you have %d exports under way: wait for one to end, or delete one", mine)
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", err
	}
	return x.runner.Enqueue(ctx, jobs.Job{ID: id.String(), Kind: Kind, Args: r})
}

// Find returns an export; NotFound when there is none, or it was deleted.
func (x *Exports) Find(ctx context.Context, id string) (*Export, error) {
	j, err := x.exporter.Door.Jobs().ReadJob(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (j.Kind != Kind || j.State == store.JobCancelled) {
		return nil, NotFound()
	}
	if err != nil {
		return nil, err
	}
	return x.export(j)
}

// NotFound is the error about an export that there is not.
func NotFound() error {
	return fault.New(fault.NotFound, fault.CodeNotFound, "", "there is no such export: it was deleted, or has expired")
}

// List returns the exports that there are, the newest first.
func (x *Exports) List(ctx context.Context) ([]*Export, error) {
	list, err := jobs.All(ctx, x.exporter.Door.Jobs(), Kind)
	if err != nil {
		return nil, err
	}
	var all []*Export
	for _, j := range list {
		if j.State == store.JobCancelled {
			continue
		}
		one, err := x.export(j)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (x *Exports) export(j store.Job) (*Export, error) {
	e := &Export{ID: j.ID, Error: j.Error, Created: j.Created, Ended: j.Ended}
	if err := json.Unmarshal(j.Args, &e.Request); err != nil {
		return nil, fmt.Errorf("export %s: %w", j.ID, err)
	}
	if state := jobs.Progress(j); state != nil {
		if err := json.Unmarshal(state, &e.State); err != nil {
			return nil, fmt.Errorf("export %s: %w", j.ID, err)
		}
	}
	switch j.State {
	case store.JobDone:
		e.Phase = Done
	case store.JobFailed:
		e.Phase = Failed
	case store.JobRunning:
		e.Phase = Running
	default:
		e.Phase = Waiting
	}
	if !e.Ended.IsZero() {
		e.Expires = e.Ended.Add(x.keep)
	}
	return e, nil
}

// Told says in short words for whom an export is and how far it is.
func Told(j store.Job) (by, words string) {
	x, err := (&Exports{}).export(j)
	if err != nil {
		return "", ""
	}
	what := map[Level]string{System: "the system", Patients: "all patients", Group: "Group/" + string(x.Group)}[x.Level]
	files := "files"
	if len(x.Output) == 1 {
		files = "file"
	}
	words = fmt.Sprintf("of %s: %d%%, %d resources in %d %s", what, x.Percent(), x.Resources, len(x.Output), files)
	if x.Waits != "" && x.Ended.IsZero() {
		words += "; " + x.Waits
	}
	return x.For.Name, words
}

// Delete ends an export and removes its files; NotFound.
func (x *Exports) Delete(ctx context.Context, id string) error {
	if _, err := x.Find(ctx, id); err != nil {
		return err
	}
	return x.remove(ctx, id)
}

func (x *Exports) remove(ctx context.Context, id string) error {
	if err := x.runner.Cancel(ctx, id); err != nil && !errors.Is(err, store.ErrVersion) && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := Remove(ctx, x.exporter.Files, id); err != nil {
		return err
	}
	if err := x.exporter.Door.Jobs().DeleteJob(ctx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// Sweep removes the exports that have expired, and files of those that were deleted
// while somebody wrote.
func (x *Exports) Sweep(ctx context.Context) error {
	// The folders come first: an export is there before its files are.
	folders, err := x.exporter.Files.Exports(ctx)
	if err != nil {
		return err
	}
	listed, err := jobs.All(ctx, x.exporter.Door.Jobs(), Kind)
	if err != nil {
		return err
	}
	for _, j := range listed {
		if j.State == store.JobCancelled { // by an administrator
			if err := x.remove(ctx, j.ID); err != nil {
				return err
			}
		}
	}
	list, err := x.List(ctx)
	if err != nil {
		return err
	}
	for _, one := range list {
		folders = slices.DeleteFunc(folders, func(id string) bool { return id == one.ID })
		if one.Ended.IsZero() || x.clock().Before(one.Expires) {
			continue
		}
		if err := x.remove(ctx, one.ID); err != nil {
			return err
		}
	}
	for _, id := range folders {
		if _, err := x.exporter.Door.Jobs().ReadJob(ctx, id); !errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err := Remove(ctx, x.exporter.Files, id); err != nil {
			return err
		}
	}
	return nil
}
