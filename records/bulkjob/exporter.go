package bulkjob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Exporter does the exports of a tenant.
type Exporter struct {
	Door     *records.Door
	Sessions records.Sessions
	Files    Files
	Part     int64            // bytes after which a file is full; 0: 64 MiB
	Room     time.Duration    // between looks whether a full disk has room; 0: 5 s
	Clock    func() time.Time // nil: time.Now
}

// Handle is the jobs.Handler of Kind.
func (x *Exporter) Handle(ctx context.Context, w *jobs.Work) error {
	e := &export{Exporter: x, work: w, clock: x.Clock}
	if e.clock == nil {
		e.clock = time.Now
	}
	if err := w.Args(&e.Request); err != nil {
		return err
	}
	if _, err := w.Progress(&e.State); err != nil {
		return err
	}
	e.Waits = ""
	e.kept = e.State
	e.kept.Output = slices.Clone(e.Output)
	for !e.Ended() {
		err := e.advance(ctx)
		switch {
		case err == nil:
		case full(err):
			e.State, e.gone = e.kept, nil
			if err := e.waitForRoom(ctx); err != nil {
				return err
			}
		case errors.Is(err, records.ErrStanding) || isRefusal(err):
			return jobs.Permanent(err)
		default:
			return err
		}
	}
	return e.tidy(ctx)
}

// isRefusal says that trying again does not help.
func isRefusal(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Forbidden || kind == fault.NotFound || kind == fault.Gone || kind == fault.Invalid || kind == fault.Unprocessable
}

// full says whether an error is about a disk without room.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, store.ErrFull)
}

// export is one attempt of an export.
type export struct {
	*Exporter
	Request
	State
	work  *jobs.Work
	clock func() time.Time
	kept  State // as it was saved last
	saved time.Time
	gone  []string // files that are not needed when the state is saved

	members            map[fhir.ID]bool // nil: all
	exported, referred placeSet         // what gather found; nil before
	latest             placeSet         // Provenances, likewise
	support            placeSet         // of exported, what does not belong to Patients
	owners             *owners          // of what does; nil unless files are organized by them
}

// advance makes the plan, or does the step under way.
func (e *export) advance(ctx context.Context) error {
	if len(e.Steps) == 0 {
		return e.begin(ctx)
	}
	if err := e.recall(ctx); err != nil {
		return err
	}
	step := e.Steps[e.Step]
	switch step.What {
	case stepNotes:
		return e.notes(ctx)
	case stepOrganize:
		return e.organize(ctx)
	}
	if e.exported == nil && (step.What == stepReferred || step.What == stepProvenance || e.spools(step)) {
		if err := e.gather(ctx); err != nil {
			return err
		}
	}
	return e.write(ctx, step)
}

// session is that of whom the export is for, now.
func (e *export) session(ctx context.Context) (*records.Session, error) {
	return e.Sessions.Stand(ctx, e.Door, e.For)
}

// save keeps the state.
func (e *export) save(ctx context.Context) error {
	e.saved = e.clock()
	if err := e.work.Save(ctx, e.State); err != nil {
		return err
	}
	e.kept = e.State
	e.kept.Output = slices.Clone(e.Output)
	for _, name := range e.gone {
		if err := e.Files.Remove(ctx, e.name(name)); err != nil {
			return err
		}
	}
	e.gone = nil
	return nil
}

// longestWait is after how long it is looked again whether a limit allows more: it may
// have been raised.
const longestWait = 5 * time.Second

// afford ends the attempt, before a file is begun, while who the export is for has exported
// as much as there may be: another attempt goes on when that is less.
func (e *export) afford(ctx context.Context) error {
	session, err := e.session(ctx)
	if err != nil {
		return err
	}
	wait, err := session.MayExport()
	if err == nil {
		return nil
	}
	told := e.kept
	told.Waits = fmt.Sprintf("until %s UTC: as much was exported as the limit allows", e.clock().Add(wait).UTC().Format("2006-01-02 15:04"))
	if err := e.work.Save(ctx, told); err != nil {
		return err
	}
	return jobs.Later(min(wait, longestWait))
}

// waitForRoom says for what the export waits, and lets some time pass.
func (e *export) waitForRoom(ctx context.Context) error {
	told := e.State
	told.Waits = "the disk is full: the export goes on when there is room"
	if err := e.work.Save(ctx, told); err != nil && !full(err) {
		return err
	}
	timer := time.NewTimer(cmp.Or(e.Room, 5*time.Second))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// name names a file of the export.
func (e *export) name(file string) string { return e.work.ID() + "/" + file }

// tidy removes what attempts that were interrupted left.
func (e *export) tidy(ctx context.Context) error {
	names, err := e.Files.List(ctx, e.work.ID())
	if err != nil {
		return err
	}
	for _, name := range names {
		mine := func(f File) bool { return e.name(f.Name) == name }
		if slices.ContainsFunc(e.Output, mine) {
			continue
		}
		if err := e.Files.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes all files of an export.
func Remove(ctx context.Context, files Files, export string) error {
	names, err := files.List(ctx, export)
	for _, name := range names {
		err = errors.Join(err, files.Remove(ctx, name))
	}
	return err
}

// FileOf is the name under which Files has a file of an export; fs.ErrNotExist for one
// that could not be one.
func FileOf(export, file string) (string, error) {
	if file == "" || strings.ContainsAny(file, `/\`) || strings.HasPrefix(file, ".") {
		return "", fs.ErrNotExist
	}
	return export + "/" + file, nil
}
