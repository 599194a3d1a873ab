package records

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/label"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// RelabelProgress says how far a walk is that labels resources anew.
type RelabelProgress struct {
	Walk     int64 `json:"walk"`
	Position int64 `json:"position"`
	Total    int64 `json:"total"`   // resources at the start
	Read     int64 `json:"read"`    // so far
	Changed  int64 `json:"changed"` // got a new version, with other labels
	Refused  int64 `json:"refused"` // could not be read by the definitions
}

// labelJob is the kind and id of the job that labels in the background.
const labelJob = "labels"

// RelabelJob is the kind and id of the job of a command that waits for it.
const RelabelJob = "relabel"

// relabelBatch is how many resources are labelled between two reports.
const relabelBatch = 100

// label gives a draft its labels.
func (d *Door) label(ctx context.Context, w *draft) error {
	held, err := d.indexes.held(ctx)
	if err != nil {
		return d.fault(err)
	}
	if w.labeler, err = d.labels.at(ctx, held.Value); err != nil {
		return d.fault(err)
	}
	_, err = w.labeler.Apply(w.tree)
	return err
}

// labelled refuses the drafts of a unit that were labelled by rules that are no longer
// in force.
func (d *Door) labelled(ctx context.Context, u *unit, held store.Setting) error {
	by, err := d.labels.at(ctx, held.Value)
	if err != nil {
		return err
	}
	for _, w := range u.drafts {
		if w.labeler != by {
			return errRelabelled
		}
	}
	return nil
}

// errRelabelled has a draft prepared again.
var errRelabelled = errors.Join(errors.New("records: the rules of labels have changed"), store.ErrVersion)

// demandRelabel makes the job if there is something to label.
func (d *Door) demandRelabel(ctx context.Context, again bool) error {
	if err := d.reviseLabels(ctx); err != nil {
		return err
	}
	if s := d.labels.snapshot(); s.Walked >= s.Walk {
		return nil
	}
	return d.demandJob(ctx, labelJob, again)
}

// relabelBeside is the handler of the background job. Writers have half of the time.
func (d *Door) relabelBeside(ctx context.Context, w *jobs.Work) error {
	began := time.Now()
	return d.Relabel(ctx, w, func(RelabelProgress) error {
		err := sleep(ctx, time.Since(began))
		began = time.Now()
		return err
	})
}

// Relabel labels what is stored by the rules in force, as the handler of a job, until
// there is nothing left to do. A resource whose labels change gets a new version
// (PATCH). note is called after each batch; its error stops the walk.
func (d *Door) Relabel(ctx context.Context, w *jobs.Work, note func(RelabelProgress) error) error {
	var p RelabelProgress
	if _, err := w.Progress(&p); err != nil {
		return err
	}
	for {
		if err := d.labels.load(ctx, nil); err != nil {
			return err
		}
		s := d.labels.snapshot()
		if s.Walked >= s.Walk {
			return w.SetResult(p)
		}
		if p.Walk != s.Walk {
			p = RelabelProgress{Walk: s.Walk}
		}
		// From here on nobody writes by other rules.
		if err := d.indexes.fence(ctx); err != nil {
			return err
		}
		err := d.relabelAll(ctx, &p, func() error {
			if err := w.Save(ctx, p); err != nil {
				return err
			}
			return note(p)
		})
		if err != nil {
			return err
		}
		err = d.labels.update(ctx, func(s *labelState) error {
			s.Walked = max(s.Walked, p.Walk)
			return nil
		})
		if err != nil {
			return err
		}
	}
}

func (d *Door) relabelAll(ctx context.Context, p *RelabelProgress, note func() error) error {
	newest, err := d.store.History(ctx, store.HistoryQuery{Count: 1})
	if err != nil || len(newest.Records) == 0 {
		return err
	}
	counts, err := d.store.Stats(ctx)
	if err != nil {
		return err
	}
	p.Total = 0
	for _, n := range counts {
		p.Total += n
	}
	end := store.Position(newest.Records[0].Seq)
	batch := make([]store.Positioned, 0, relabelBatch)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := d.relabelSome(ctx, batch, p); err != nil {
			return err
		}
		p.Read, p.Position = p.Read+int64(len(batch)), int64(batch[len(batch)-1].Position)
		batch = batch[:0]
		return note()
	}
	for r, err := range d.store.Each(ctx, "", store.Position(p.Position)) {
		if err != nil {
			return err
		}
		if r.Position > end {
			break // it was labelled when it was written
		}
		if batch = append(batch, r); len(batch) == relabelBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// relabelSome writes those of a batch whose labels change. What others write meanwhile
// is labelled by them.
func (d *Door) relabelSome(ctx context.Context, batch []store.Positioned, p *RelabelProgress) error {
	records := make([]store.Record, len(batch))
	for i := range batch {
		records[i] = batch[i].Record
	}
	s := d.Session(Principal{ID: labelJob}, nil)
	for range attempts {
		u := &unit{s: s}
		refused, err := d.relabelUnit(ctx, records, u)
		if err != nil {
			return err
		}
		if len(u.writes) > 0 {
			_, err = d.commit(ctx, u)
		}
		if err == nil {
			p.Changed += int64(len(u.writes))
			p.Refused += refused
			return nil
		}
		if !errors.Is(err, store.ErrVersion) {
			return err
		}
		d.indexes.expire()
		keys := make([]fhir.Key, len(batch))
		for i := range batch {
			keys[i] = batch[i].Key
		}
		if records, err = d.store.ReadMany(ctx, keys); err != nil {
			return err
		}
	}
	return store.ErrVersion
}

// relabelUnit fills in the writes of those of records whose labels change, and counts
// those that cannot be read.
func (d *Door) relabelUnit(ctx context.Context, records []store.Record, u *unit) (refused int64, err error) {
	held, err := d.indexes.held(ctx)
	if err != nil {
		return 0, err
	}
	by, err := d.labels.at(ctx, held.Value)
	if err != nil {
		return 0, err
	}
	drafts, writes, errs := make([]*draft, len(records)), make([]store.Write, len(records)), make([]error, len(records))
	err = parallel(ctx, len(records), func(i int) {
		drafts[i], writes[i], errs[i] = d.relabelOne(ctx, records[i], by)
	})
	if err != nil {
		return 0, err
	}
	for i, w := range drafts {
		switch {
		case errs[i] != nil && fault.KindOf(errs[i]) == fault.Internal:
			return 0, errs[i]
		case errs[i] != nil:
			refused++
		case w != nil:
			u.drafts, u.writes = append(u.drafts, w), append(u.writes, writes[i])
		}
	}
	return refused, nil
}

// relabelOne makes the write of a resource whose labels change; otherwise the draft is
// nil. What it was taken with is not checked again.
func (d *Door) relabelOne(ctx context.Context, r store.Record, by *label.Labeler) (*draft, store.Write, error) {
	if !access.MayBeSensitive(string(r.Key.Type)) && !bytes.Contains(r.Body, []byte(label.Classifier)) {
		return nil, store.Write{}, nil
	}
	tree, err := d.tree(r)
	if err != nil {
		return nil, store.Write{}, err
	}
	if touched, err := by.Apply(tree); err != nil || !touched {
		return nil, store.Write{}, err
	}
	w := &draft{rel: d.release(r.Release), tree: tree, key: r.Key, labeler: by}
	if err := d.compose(w, r.Version, r.Updated); err != nil || bytes.Equal(w.json, r.Body) {
		return nil, store.Write{}, err
	}
	if w.entries, err = d.indexed(ctx, r, w.rel, tree); err != nil {
		return nil, store.Write{}, err
	}
	write, err := d.write(w, http.MethodPatch, r)
	return w, write, err
}

// relabelling reads how far the latest walk is, and the error of its last attempt.
func (d *Door) relabelling(ctx context.Context) (p RelabelProgress, problem string, err error) {
	for _, id := range []string{labelJob, RelabelJob} {
		j, err := d.store.ReadJob(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return p, "", err
		}
		text := jobs.Progress(j)
		if j.State == store.JobDone {
			text = j.Result
		}
		var one RelabelProgress
		if len(text) > 0 {
			if err := json.Unmarshal(text, &one); err != nil {
				return p, "", err
			}
		}
		if one.Walk > p.Walk || one.Walk == p.Walk && one.Read >= p.Read {
			p, problem = one, j.Error
		}
	}
	return p, problem, nil
}
