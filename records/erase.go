package records

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// eraseJob is the kind of the jobs that erase patients; the id of one is that and
// the patient's.
const eraseJob = "erase"

// Erasure is the removal of a patient for good: every version of all that the patient
// owns, with the content of Binaries, the rows and texts of the index, and what
// consents came to. What belongs to others and refers to that stays, without the
// reference. The audit log forgets what it says of the patient, and its proofs hold.
type Erasure struct {
	Patient fhir.ID
	Reason  string
	By      string // who ordered it, for display
	Ordered time.Time
	Running bool // or about to
	Ended   time.Time
	Error   string // of the last attempt
	Erased
}

// Erased counts what an erasure has done so far.
type Erased struct {
	Resources int64 `json:"resources"` // of the patient's own, Patient included
	Versions  int64 `json:"versions"`  // in all
	Contents  int64 `json:"contents"`  // of Binaries, kept outside rows
	Rewritten int64 `json:"rewritten"` // versions of others' resources made without references to the patient
	AppStates int64 `json:"appStates"` // what apps keep about the patient
	Accesses  int64 `json:"accesses"`  // of apps to the record, launches, breakings of the glass
	Events    int64 `json:"events"`    // of the audit log
	Users     int64 `json:"users"`     // untied from the patient
	// Types counts Resources by type.
	Types map[fhir.Type]int64 `json:"types,omitempty"`
	// Changed are others' resources that referred to the patient, and Left those that
	// still name the patient: they are held, or of a type that is not rewritten. Up to
	// maxNamed each.
	Changed []string `json:"changed,omitempty"`
	Left    []string `json:"left,omitempty"`
}

// maxNamed bounds the resources that a report names.
const maxNamed = 200

// erasing is what the job is told.
type erasing struct {
	Patient fhir.ID `json:"patient"`
	Reason  string  `json:"reason"`
	By      string  `json:"by"`
}

// Erase orders the erasure of a patient, which a durable job does; the patient may
// have been deleted before. An order that is being carried out is returned as it is.
// Conflict when something of the patient is under a legal hold. While the job runs
// nothing of the patient can be held.
func (s *Session) Erase(ctx context.Context, patient fhir.ID, reason string) (Erasure, error) {
	ctx, pass := span.Start(ctx, "door erase")
	defer pass.End()
	d, key := s.door, fhir.Key{Type: patientType, ID: patient}
	if err := s.operate(access.Erase, smart.Delete); err != nil {
		return Erasure{}, err
	}
	if err := reasoned("an erasure", reason); err != nil {
		return Erasure{}, err
	}
	if _, err := d.store.Read(ctx, key); errors.Is(err, store.ErrNotFound) {
		return Erasure{}, notFound(key)
	} else if err != nil {
		return Erasure{}, d.fault(err)
	}
	if err := d.erasable(ctx, s, patient); err != nil {
		return Erasure{}, d.fault(err)
	}
	job := jobs.Job{ID: eraseJobOf(patient), Kind: eraseJob, Args: erasing{patient, reason, s.principal.display()}}
	_, err := jobs.Enqueue(ctx, d.store, job, d.config.Clock())
	if errors.Is(err, store.ErrVersion) {
		old, err := d.store.ReadJob(ctx, job.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Erasure{}, d.fault(err)
		}
		if err == nil && (old.State == store.JobReady || old.State == store.JobRunning) {
			return erasureOf(old), nil
		}
		if err := d.store.DeleteJob(ctx, job.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return Erasure{}, d.fault(err)
		}
		if _, err := jobs.Enqueue(ctx, d.store, job, d.config.Clock()); err != nil {
			return Erasure{}, d.fault(err)
		}
	} else if err != nil {
		return Erasure{}, d.fault(err)
	}
	return s.Erasure(ctx, patient)
}

// Erasure is the last erasure of a patient, whether it has ended or not; NotFound
// when there was none.
func (s *Session) Erasure(ctx context.Context, patient fhir.ID) (Erasure, error) {
	if err := s.operate(access.Erase, smart.Read); err != nil {
		return Erasure{}, err
	}
	job, err := s.door.store.ReadJob(ctx, eraseJobOf(patient))
	if errors.Is(err, store.ErrNotFound) {
		return Erasure{}, fault.New(fault.NotFound, fault.CodeNotFound, "", "no erasure of Patient/%s was ordered", patient)
	}
	if err != nil {
		return Erasure{}, s.door.fault(err)
	}
	return erasureOf(job), nil
}

func eraseJobOf(patient fhir.ID) string { return eraseJob + "/" + string(patient) }

func erasureOf(j store.Job) Erasure {
	var args erasing
	var p erasureProgress
	_ = json.Unmarshal(j.Args, &args) // written by Erase
	_ = json.Unmarshal(jobs.Progress(j), &p)
	e := Erasure{
		Patient: args.Patient, Reason: args.Reason, By: args.By, Ordered: j.Created, Ended: j.Ended, Error: j.Error,
		Running: j.State == store.JobReady || j.State == store.JobRunning, Erased: p.Erased,
	}
	return e
}

// erasable refuses to erase what is held.
func (d *Door) erasable(ctx context.Context, s *Session, patient fhir.ID) error {
	after := ""
	for {
		holds, err := d.holdsAfter(ctx, after, referrersRead)
		if err != nil || len(holds) == 0 {
			return err
		}
		for _, h := range holds {
			held := h.Key == fhir.Key{Type: patientType, ID: patient}
			if !held && h.Key.Type != patientType {
				owners, err := d.everConcerned(ctx, h.Key)
				if err != nil {
					return err
				}
				for _, one := range owners {
					held = held || one == patient
				}
			}
			if held {
				return s.held(fhir.Key{Type: patientType, ID: patient}, "erased", &h)
			}
		}
		after = holds[len(holds)-1].Key.String()
	}
}

// beingErased refuses to hold what is being erased.
func (d *Door) beingErased(ctx context.Context, key fhir.Key) error {
	patients, err := d.everConcerned(ctx, key)
	if err != nil {
		return err
	}
	for _, patient := range patients {
		job, err := d.store.ReadJob(ctx, eraseJobOf(patient))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if job.State == store.JobReady || job.State == store.JobRunning {
			return fault.New(fault.Conflict, fault.CodeBusinessRule, "", "%s cannot be held: Patient/%s is being erased, as ordered on %s", key, patient, job.Created.Format(time.DateOnly))
		}
	}
	return nil
}
