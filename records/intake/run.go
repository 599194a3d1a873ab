package intake

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// run is one attempt at an import.
type run struct {
	s     *Service
	id    string
	order arguments
	work  *jobs.Work
	state state
	// live are the counts since the last checkpoint, and before: what state has is
	// what the checkpoint counts.
	live    []counts
	report  []byte // lines that are not kept yet
	spilled int64  // bytes of those that are, and do not count yet
	refused int64  // that the report tells one by one
	untold  map[fault.Code]int64
	lines   int64
}

// handle does the job of an import.
func (s *Service) handle(ctx context.Context, w *jobs.Work) error {
	r := &run{s: s, id: w.ID(), work: w}
	if err := w.Args(&r.order); err != nil {
		return err
	}
	defer s.waiting.Delete(r.id)
	for wait := s.config.Retry; ; wait = min(2*wait, 30*time.Second) {
		moved, err := r.attempt(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || !lasts(err):
			return r.final(err)
		case moved:
			wait = s.config.Retry
		}
		s.config.Log.WarnContext(ctx, "an import waits", "import", r.id, "error", err)
		r.state.Waiting = said(err)
		s.waiting.Store(r.id, r.state.Waiting)
		// The store may be what is full.
		if err := r.save(ctx); errors.Is(err, jobs.ErrLost) {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// lasts says whether an error is of the moment: the import waits until it is over.
func lasts(err error) bool {
	switch fault.KindOf(err) {
	case fault.StorageFull, fault.Unavailable, fault.Throttled:
		return true
	}
	return errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrAway)
}

// final marks what no further attempt mends.
func (r *run) final(err error) error {
	if errors.Is(err, records.ErrStanding) || fault.KindOf(err) == fault.Forbidden || errors.As(err, new(*fatal)) {
		return jobs.Permanent(errors.New(said(err)))
	}
	return err
}

// fatal is an error that ends an import.
type fatal struct{ error }

func (f *fatal) Unwrap() error { return f.error }

// said is an error in the words for who ordered the import.
func said(err error) string {
	switch {
	case errors.Is(err, store.ErrFull):
		return "The server's storage is full."
	case errors.Is(err, store.ErrAway):
		return "The database cannot be reached."
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Issues[0].Message
	}
	return err.Error()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// attempt goes on from what was saved last, to the end if it can; moved says that it got
// somewhere.
func (r *run) attempt(ctx context.Context) (moved bool, err error) {
	if r.s.config.Door.ReadOnly() {
		return false, r.s.config.Door.Session(records.Principal{}, nil).May("", writes)
	}
	if err := r.resume(ctx); err != nil {
		return false, err
	}
	before, _ := json.Marshal(r.state) // of plain values
	defer func() {
		after, _ := json.Marshal(r.state)
		moved = string(before) != string(after)
	}()
	for _, step := range []func(context.Context) error{r.export, r.fetch, r.load, r.end} {
		if err := step(ctx); err != nil {
			return moved, err
		}
	}
	return true, nil
}

// resume reads what was saved last.
func (r *run) resume(ctx context.Context) error {
	r.state = state{}
	saved, err := r.work.Progress(&r.state)
	if err != nil {
		return err
	}
	if !saved {
		r.state.begin(&r.order)
	}
	r.state.Waiting = ""
	r.live = make([]counts, len(r.state.Inputs))
	for i := range r.state.Inputs {
		in := &r.state.Inputs[i]
		r.live[i] = in.Counts
		if err := in.File.settle(ctx, r.s.config.Door); err != nil {
			return err
		}
	}
	if err := r.state.Report.settle(ctx, r.s.config.Door); err != nil {
		return err
	}
	r.refused, r.lines = r.state.Refused, r.state.Lines
	r.untold = map[fault.Code]int64{}
	maps.Copy(r.untold, r.state.Untold)
	r.report, r.spilled = r.report[:0], 0
	if err := r.save(ctx); err != nil {
		return err
	}
	r.s.waiting.Delete(r.id)
	return nil
}

// begin is the state of an import of which nothing is done.
func (s *state) begin(o *arguments) {
	switch {
	case o.Upload != nil:
		s.Phase, s.Inputs = loading, []input{{File: *o.Upload, Whole: true}}
	case o.Export != nil:
		s.Phase = exporting
	default:
		s.Phase = fetching
		for _, in := range o.Inputs {
			s.Inputs = append(s.Inputs, input{Type: in.Type, URL: in.URL})
		}
	}
}

func (r *run) save(ctx context.Context) error { return r.work.Save(ctx, &r.state) }

// stand opens the session of who ordered the import, of this moment.
func (r *run) stand(ctx context.Context) (*records.Session, error) {
	session, err := r.s.config.Sessions.Stand(ctx, r.s.config.Door, r.order.Standing)
	if err != nil {
		return nil, err
	}
	return session, session.May("", writes)
}

// load has the files loaded.
func (r *run) load(ctx context.Context) error {
	if r.state.Phase != loading {
		return nil
	}
	select {
	case r.s.loads <- struct{}{}:
		defer func() { <-r.s.loads }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	session, err := r.stand(ctx)
	if err != nil {
		return err
	}
	if r.state.Began.IsZero() {
		r.state.Began = r.s.now()
	}
	sources, of := r.sources()
	o := bulkload.Options{
		Session: session, Renew: r.stand, Release: r.order.Release, Origin: r.order.Source,
		Each:    func(o bulkload.Outcome) error { o.File = of[o.File]; return r.tell(ctx, &o) },
		MaxLine: maxLine, Checkpoint: r.s.config.Checkpoint, Clock: r.s.config.Clock,
	}
	if log := r.s.config.Door.Audit(); log != nil {
		agent := session.Principal().Agent
		o.Record = func(ctx context.Context, t *audit.Trail) error {
			e := &audit.Event{Kind: audit.Import, Status: http.StatusOK, Agent: agent, Request: r.id, Target: "$import"}
			t.Tell(e)
			if err := log.Record(ctx, e); err != nil {
				return fault.Wrap(err, fault.Unavailable, fault.CodeTransient, "", "The audit log cannot be written.")
			}
			return nil
		}
	}
	_, err = bulkload.Load(ctx, o, sources, r)
	return err
}

// maxLine bounds a line.
const maxLine = 64 << 20

// sources are the files that are there, in a good order, and their places among the
// inputs.
func (r *run) sources() (list []bulkload.Source, of []int) {
	for i := range r.state.Inputs {
		if r.state.Inputs[i].Whole {
			of = append(of, i)
		}
	}
	slices.SortStableFunc(of, func(a, b int) int {
		return bulkload.Rank(string(r.state.Inputs[a].Type)) - bulkload.Rank(string(r.state.Inputs[b].Type))
	})
	for _, i := range of {
		in := &r.state.Inputs[i]
		list = append(list, bulkload.Source{
			Name: in.URL, Size: in.File.Size, Hash: in.File.Hash, Type: in.Type, Lines: true,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return in.File.open(ctx, r.s.config.Door), nil },
		})
	}
	return list, of
}

// Progress implements bulkload.Keeper.
func (r *run) Progress(into any) (bool, error) {
	if r.state.Loading == nil {
		return false, nil
	}
	return true, json.Unmarshal(r.state.Loading, into)
}

// Save implements bulkload.Keeper: the report is kept first, then all of the state
// says that it and the loaded lines count.
func (r *run) Save(ctx context.Context, loaded any) error {
	if err := r.spill(ctx); err != nil {
		return err
	}
	text, err := json.Marshal(loaded)
	if err != nil {
		return err
	}
	r.state.Loading = text
	if err := json.Unmarshal(text, &r.state.Counts); err != nil {
		return err
	}
	for i := range r.live {
		r.state.Inputs[i].Counts = r.live[i]
	}
	r.settleReport()
	return r.save(ctx)
}

// writes are what an import does.
const writes = smart.Create | smart.Update

// end lets go of the files and leaves the result.
func (r *run) end(ctx context.Context) error {
	if err := r.tellRest(ctx); err != nil {
		return err
	}
	r.state.Phase, r.state.Loading = over, nil
	for i := range r.state.Inputs {
		if err := r.state.Inputs[i].File.drop(ctx, r.s.config.Door); err != nil {
			return err
		}
	}
	return r.save(ctx)
}

// keepReport has what was reported count, while nothing is loaded.
func (r *run) keepReport(ctx context.Context) error {
	if err := r.spill(ctx); err != nil {
		return err
	}
	r.settleReport()
	return r.save(ctx)
}

func (r *run) settleReport() {
	r.state.Refused, r.state.Lines, r.state.Untold = r.refused, r.lines, maps.Clone(r.untold)
	report := &r.state.Report
	report.Pieces, report.Pending = append(report.Pieces, report.Pending...), nil
	report.Size += r.spilled
	r.spilled = 0
}
