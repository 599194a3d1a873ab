package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// verifyJob is the kind and id of the job that verifies the audit log.
const verifyJob = "verify-audit"

// maxVerifyProblems bounds the problems that are kept of a verification.
const maxVerifyProblems = 100

// Verified is how far a verification of the audit log is, or what it found.
type Verified struct {
	Running bool      `json:"-"` // or about to
	Ordered time.Time `json:"-"`
	Ended   time.Time `json:"-"`
	Error   string    `json:"-"` // why it could not read the log, of its last attempt

	By         string   `json:"by"`         // who ordered it, for display
	Checkpoint string   `json:"checkpoint"` // that the log was compared with; "" for none
	Of         int64    `json:"of"`         // events that there were
	Events     int64    `json:"events"`     // read so far
	Erased     int64    `json:"erased"`
	Found      int64    `json:"found"`    // what is wrong
	Problems   []string `json:"problems"` // the first of it
	Root       string   `json:"root"`     // of the tree, at the end
}

// VerifyAudit orders that the whole audit log be verified by a durable job, against a
// checkpoint that was kept elsewhere, if there is one: for who may read the log.
// Conflict while one is under way.
func (s *Session) VerifyAudit(ctx context.Context, checkpoint string) error {
	if _, err := s.wholeLog(); err != nil {
		return err
	}
	d := s.door
	job := jobs.Job{ID: verifyJob, Kind: verifyJob, Args: Verified{By: s.principal.display(), Checkpoint: checkpoint}, Max: 3}
	for range 2 {
		_, err := jobs.Enqueue(ctx, d.store, job, d.config.Clock())
		if !errors.Is(err, store.ErrVersion) {
			return d.fault(err)
		}
		old, err := d.store.ReadJob(ctx, verifyJob)
		if err == nil && (old.State == store.JobReady || old.State == store.JobRunning) {
			break
		}
		if err == nil {
			err = d.store.DeleteJob(ctx, verifyJob)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return d.fault(err)
		}
	}
	return fault.New(fault.Conflict, fault.CodeConflict, "", "the audit log is being verified already")
}

// AuditVerified is the last verification that was ordered; nil when there was none.
func (s *Session) AuditVerified(ctx context.Context) (*Verified, error) {
	if _, err := s.wholeLog(); err != nil {
		return nil, err
	}
	job, err := s.door.store.ReadJob(ctx, verifyJob)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, s.door.fault(err)
	}
	text := []byte(job.Result)
	if job.State != store.JobDone {
		text = jobs.Progress(job)
	}
	if len(text) == 0 {
		text = job.Args
	}
	var v Verified
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("records: job %s: %w", verifyJob, err)
	}
	v.Running = job.State == store.JobReady || job.State == store.JobRunning
	v.Ordered, v.Ended, v.Error = job.Created, job.Ended, job.Error
	return &v, nil
}

// verify is the job's handler. It begins anew when it was cut off.
func (d *Door) verify(ctx context.Context, w *jobs.Work) error {
	log := d.config.Audit
	if log == nil {
		return jobs.Permanent(errors.New("there is no audit log"))
	}
	var v Verified
	if err := w.Args(&v); err != nil {
		return err
	}
	state, err := log.State(ctx)
	if err != nil {
		return err
	}
	v.Of = state.Events + state.Waiting
	how := audit.Verification{
		Found: func(problem string) {
			v.Found++
			if len(v.Problems) < maxVerifyProblems {
				v.Problems = append(v.Problems, problem)
			}
		},
		Progress: func(events int64) error {
			v.Events = events
			return w.Save(ctx, v)
		},
	}
	if v.Checkpoint != "" {
		how.Checkpoint = []byte(v.Checkpoint)
	}
	report, err := log.Verify(ctx, how)
	if err != nil {
		return err
	}
	v.Of, v.Events, v.Erased, v.Root = report.Size, report.Events, report.Erased, report.Root.String()
	note := fmt.Sprintf("the audit log was verified: %d events are whole", v.Events)
	if v.Found > 0 {
		note = fmt.Sprintf("the audit log was verified: %d things are not as they were written", v.Found)
	}
	if err := d.tell(ctx, verifyJob, note); err != nil {
		return err
	}
	return w.SetResult(v)
}
