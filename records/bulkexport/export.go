package bulkexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
)

// export is one run of the job.
type export struct {
	o     *Options
	work  *jobs.Work
	saved time.Time // when the last checkpoint was
	state checkpoint
	files map[string]*file // by name
}

// checkpoint is the progress of the job.
type checkpoint struct {
	At      records.Seq          `json:"at"` // what is exported
	Time    time.Time            `json:"time"`
	After   records.Seq          `json:"after"` // of what the last line written was
	Written int64                `json:"written"`
	Total   int64                `json:"total"`
	Files   map[string]fileState `json:"files"`
}

// prepare takes up the last checkpoint, or begins anew.
func (e *export) prepare(ctx context.Context) (resumed bool, err error) {
	if resumed, err = e.work.Progress(&e.state); err != nil {
		return false, err
	}
	empty, err := isEmpty(e.o.Dir)
	if err != nil {
		return false, err
	}
	if resumed && !empty {
		return true, e.reopen()
	}
	if !empty {
		return false, fmt.Errorf("%s: %w: give another one, or empty it", e.o.Dir, ErrNotEmpty)
	}
	return false, e.begin(ctx)
}

// begin chooses the place in the feed. It is kept before any file is made, so
// that what is in the folder later is known to be of this export.
func (e *export) begin(ctx context.Context) error {
	if err := os.MkdirAll(e.o.Dir, 0o700); err != nil {
		return err
	}
	door := e.o.Session.Door()
	e.state = checkpoint{Files: map[string]fileState{}}
	var err error
	if e.state.At, e.state.Time, err = door.Mark(ctx); err != nil {
		return err
	}
	if err := door.Settle(ctx, e.state.At); err != nil {
		return err
	}
	stats, err := door.Stats(ctx)
	if err != nil {
		return err
	}
	for t, n := range stats {
		if e.o.wants(t) {
			e.state.Total += n
		}
	}
	return e.work.Save(ctx, e.state)
}

// reopen cuts the files back to the checkpoint.
func (e *export) reopen() error {
	for name, state := range e.state.Files {
		f, err := reopen(e.o.Dir, name, state)
		if err != nil {
			return fmt.Errorf("the folder does not hold what the interrupted export wrote (empty it to begin anew): %w", err)
		}
		e.files[name] = f
	}
	return nil
}

func (e *export) run(ctx context.Context) error {
	snapshot := e.o.Session.Snapshot(ctx, records.SnapshotRequest{
		At: e.state.At, After: e.state.After, Types: e.o.Types, Since: e.o.Since,
	})
	for change, err := range snapshot {
		if err != nil {
			return err
		}
		f, err := e.fileOf(change.Resource)
		if err != nil {
			return err
		}
		if err := f.line(change.JSON); err != nil {
			return err
		}
		e.state.After = change.Seq
		e.state.Written++
		if e.state.Written%256 != 0 {
			continue
		}
		if err := e.tick(ctx); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.checkpoint(ctx)
}

// tick tells how far the export is, and makes a checkpoint when it is time.
func (e *export) tick(ctx context.Context) error {
	if e.o.Progress != nil {
		e.o.Progress(Progress{Written: e.state.Written, Total: max(e.state.Total, e.state.Written)})
	}
	if e.o.Clock().Sub(e.saved) < e.o.Checkpoint {
		return ctx.Err()
	}
	return e.checkpoint(ctx)
}

// checkpoint makes durable what was written, then says so.
func (e *export) checkpoint(ctx context.Context) error {
	for name, f := range e.files {
		state, err := f.sync()
		if err != nil {
			return err
		}
		e.state.Files[name] = state
	}
	if err := syncFolder(e.o.Dir); err != nil {
		return err
	}
	e.saved = e.o.Clock()
	return e.work.Save(ctx, e.state)
}

// fileOf returns the file of a resource's type. Resources of another release
// than the first have files of their own, since they are imported as such.
func (e *export) fileOf(r records.Resource) (*file, error) {
	name := string(r.Key.Type)
	if r.Release != e.o.Session.Door().Definitions("").Release {
		name += "." + string(r.Release)
	}
	name += ".ndjson"
	if e.o.Gzip {
		name += ".gz"
	}
	if f := e.files[name]; f != nil {
		return f, nil
	}
	f, err := create(e.o.Dir, name, fileState{Type: r.Key.Type, Release: r.Release})
	if err == nil {
		e.files[name] = f
	}
	return f, err
}

func (e *export) close() {
	for _, f := range e.files {
		f.close()
	}
}

func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return len(entries) == 0, err
}
