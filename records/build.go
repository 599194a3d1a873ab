package records

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/store"
)

// indexJob is the kind and id of the job that builds indexes.
const indexJob = "index"

// buildBatch is how many resources the job indexes at a time: few, so that
// writers do not wait for it.
const buildBatch = 100

// building is the progress of the job, and at its end its result.
type building struct {
	Key      indexKey `json:"key"`
	Walk     int64    `json:"walk"` // that Report.Position belongs to
	Report   ReindexProgress
	Complete []string `json:"complete,omitempty"` // types walked
}

// Work does the tenant's background work until ctx ends: it builds the index of
// search parameters that are new or changed, labels resources anew when the rules
// have changed, erases patients, verifies the audit log, and tells subscribers. Several processes may do
// so; of each job one of them works at a time.
func (d *Door) Work(ctx context.Context) error {
	err := d.demandBuild(ctx, true)
	if err == nil {
		err = d.demandRelabel(ctx, true)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return d.fault(err)
	}
	r := jobs.NewRunner(jobs.Config{
		Store: d.store, Workers: 3, Log: d.log, Traces: d.config.Traces,
		Handlers: map[string]jobs.Handler{indexJob: d.build, labelJob: d.relabelBeside, eraseJob: d.erase, retainJob: d.retainBeside, verifyJob: d.verify},
	})
	watch, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.watch(watch)
	}()
	var counting sync.WaitGroup
	counting.Go(func() { d.flushing(watch) })
	counting.Go(func() { d.limits.Work(watch) })
	if d.subscriptions != nil {
		counting.Go(func() { d.subscriptions.work(watch) })
	}
	err = r.Run(ctx)
	stop()
	<-done
	counting.Wait()
	return err
}

// watch sees to it that what another process wants built or labelled is.
func (d *Door) watch(ctx context.Context) {
	ticker := time.NewTicker(2 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := d.demandRetention(ctx); err != nil && ctx.Err() == nil {
				d.log.WarnContext(ctx, "the job that applies the retention rules cannot be made", "error", err)
			}
			if err := d.demandBuild(ctx, false); err != nil && ctx.Err() == nil {
				d.log.WarnContext(ctx, "the job that builds indexes cannot be made", "error", err)
			}
			if err := d.demandRelabel(ctx, false); err != nil && ctx.Err() == nil {
				d.log.WarnContext(ctx, "the job that labels resources cannot be made", "error", err)
			}
		}
	}
}

// demandBuild makes the job if there is something to build; again says to do so
// even after it failed.
func (d *Door) demandBuild(ctx context.Context, again bool) error {
	if err := d.indexes.sync(ctx); err != nil {
		return err
	}
	if _, _, ok := d.indexes.next(); !ok {
		return nil
	}
	return d.demandJob(ctx, indexJob, again)
}

// demandJob makes the job of a kind unless there is one under way; again says to do so
// even after it failed.
func (d *Door) demandJob(ctx context.Context, kind string, again bool) error {
	job := jobs.Job{ID: kind, Kind: kind}
	_, err := jobs.Enqueue(ctx, d.store, job, time.Now())
	if !errors.Is(err, store.ErrVersion) {
		return err
	}
	old, err := d.store.ReadJob(ctx, kind)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil // another process replaces it
	case err != nil:
		return err
	case old.State == store.JobReady || old.State == store.JobRunning || old.State == store.JobFailed && !again:
		return nil
	}
	if err := d.store.DeleteJob(ctx, kind); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err = jobs.Enqueue(ctx, d.store, job, time.Now()); errors.Is(err, store.ErrVersion) {
		err = nil
	}
	return err
}

// build is the job's handler: it walks what is to be walked, type by type, until
// nothing is.
func (d *Door) build(ctx context.Context, w *jobs.Work) error {
	var b building
	if _, err := w.Progress(&b); err != nil {
		return err
	}
	for {
		if err := d.indexes.reload(ctx); err != nil {
			return err
		}
		k, t, ok := d.indexes.next()
		if !ok {
			return w.SetResult(b)
		}
		if d.indexes.outdated(k) {
			return behind(k)
		}
		if b.Key != k || b.Walk != t.Walk || b.Report.Position < t.Position {
			b.Key, b.Walk, b.Report.Position = k, t.Walk, t.Position
		}
		// Others still search by what they knew.
		if err := sleep(ctx, time.Until(t.Since.Add(2*indexAge))); err != nil {
			return err
		}
		if err := d.indexes.fence(ctx); err != nil {
			return err
		}
		if err := d.buildType(ctx, w, &b, t); err != nil && !errors.Is(err, errOtherWalk) {
			return err
		}
	}
}

// errOtherWalk says that a walk is no longer the one to be done.
var errOtherWalk = errors.New("records: the definitions changed during the walk")

// buildType walks the resources of one type from where the walk stands.
func (d *Door) buildType(ctx context.Context, w *jobs.Work, b *building, t typeIndex) error {
	counts, err := d.store.Stats(ctx)
	if err != nil {
		return err
	}
	read, refused := t.Read-b.Report.Read, b.Report.Refused
	failed := ""
	noted, began := time.Time{}, time.Now()
	b.Report.Type = b.Key.Type
	err = d.reindexType(ctx, ReindexOptions{
		release: b.Key.Release, batch: buildBatch,
		Progress: func(p ReindexProgress) error {
			b.Report = p
			if err := w.Save(ctx, b); err != nil {
				return err
			}
			if time.Since(noted) > time.Second {
				noted = time.Now()
				if err := d.indexes.note(ctx, b, read+p.Read, counts[b.Key.Type]); err != nil {
					return err
				}
			}
			// Writers have half of the time.
			err := sleep(ctx, time.Since(began))
			began = time.Now()
			return err
		},
	}, &b.Report)
	if err != nil {
		return err
	}
	if n := b.Report.Refused - refused; n > 0 {
		// Everybody is told, and so not which.
		failed = "some resources could not be indexed; 'ingle reindex' names them"
		d.log.ErrorContext(ctx, "a search index is not complete", "type", b.Key.Type, "refused", n)
	}
	if err := d.indexes.finish(ctx, b.Key, b.Walk, failed); err != nil {
		return err
	}
	b.Complete = append(b.Complete, string(b.Key.Type))
	return w.Save(ctx, b)
}

// sleep waits, or returns the reason why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// next is a walk to be done that this process has the definitions for.
func (x *indexes) next() (indexKey, typeIndex, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var keys []indexKey
	for k, t := range x.state.Types {
		if t.Walk > 0 && t.Failed == "" && x.printsOf(k) != nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return indexKey{}, typeIndex{}, false
	}
	k := slices.MinFunc(keys, indexKey.compare)
	return k, *x.state.Types[k], true
}

// outdated says whether others index k by other definitions than this process.
func (x *indexes) outdated(k indexKey) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	t, p := x.state.Types[k], x.printsOf(k)
	return t != nil && p != nil && t.Print != p.of
}

// note tells how far a walk is. errOtherWalk when it is no longer wanted.
func (x *indexes) note(ctx context.Context, b *building, read, total int64) error {
	return x.update(ctx, func(s *indexState) error {
		t := s.Types[b.Key]
		if t == nil || t.Walk != b.Walk {
			return errOtherWalk
		}
		t.Position, t.Read, t.Total = b.Report.Position, read, total
		return nil
	})
}

// finish ends a walk: what was to be built is complete, unless it failed.
func (x *indexes) finish(ctx context.Context, k indexKey, walk int64, failed string) error {
	return x.update(ctx, func(s *indexState) error {
		t := s.Types[k]
		if t == nil || t.Walk != walk {
			return errOtherWalk
		}
		if failed != "" {
			t.Failed = failed
			return nil
		}
		t.complete()
		return nil
	})
}
