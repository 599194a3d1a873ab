package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// RetentionRule says which resources are expunged after which time, with their
// history. What is under a legal hold, and what others refer to, stays.
type RetentionRule struct {
	Name   string    `json:"name"`
	Type   fhir.Type `json:"type"`
	Filter string    `json:"filter,omitempty"` // search parameters: "status=cancelled"
	// Days is the age: since the date that By has, a date search parameter of the
	// type; "" for the last change.
	Days int    `json:"days"`
	By   string `json:"by,omitempty"`
}

// RetentionCount is what a rule came to.
type RetentionCount struct {
	Rule     string `json:"rule"`
	Expunged int64  `json:"expunged"` // resources; those that would be in a dry run
	Versions int64  `json:"versions"`
	Held     int64  `json:"held"`     // under a legal hold
	Referred int64  `json:"referred"` // others refer to them
}

const (
	retentionSetting  = "retention"
	retainJob         = "retain"
	maxRetentionRules = 100
)

// unruled are the types that no rule is for: Patients are erased, with all that they
// own, and what Consents and SearchParameters say is in force for others.
var unruled = []fhir.Type{patientType, consentType, searchParameter}

// Retention returns the rules in force.
func (s *Session) Retention(ctx context.Context) ([]RetentionRule, error) {
	if err := s.operate(access.Retain, smart.Read); err != nil {
		return nil, err
	}
	rules, err := s.door.retention(ctx)
	return rules, s.door.fault(err)
}

func (d *Door) retention(ctx context.Context) (rules []RetentionRule, err error) {
	text, err := d.store.ReadSetting(ctx, retentionSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &rules)
	}
	return rules, err
}

// SetRetention replaces the rules. They are applied once a day.
func (s *Session) SetRetention(ctx context.Context, rules []RetentionRule) error {
	if err := s.operate(access.Retain, smart.Delete); err != nil {
		return err
	}
	if len(rules) > maxRetentionRules {
		return fault.New(fault.Unprocessable, fault.CodeTooLong, "", "there are %d rules; up to %d are possible", len(rules), maxRetentionRules)
	}
	for i, r := range rules {
		if _, err := s.door.retained(r); err != nil {
			return fault.Wrap(err, fault.Unprocessable, fault.CodeValue, fmt.Sprintf("[%d]", i), "rule %d: %v", i+1, err)
		}
		if slices.ContainsFunc(rules[:i], func(other RetentionRule) bool { return other.Name == r.Name }) {
			return fault.New(fault.Unprocessable, fault.CodeDuplicate, fmt.Sprintf("[%d].name", i), "two rules are called %q", r.Name)
		}
	}
	text, err := json.Marshal(rules)
	if err != nil {
		return err
	}
	return s.door.fault(s.door.store.WriteSetting(ctx, retentionSetting, text))
}

// retained is the search for what a rule is about, now.
func (d *Door) retained(r RetentionRule) (*search.Query, error) {
	rel := d.releaseOf("", r.Type)
	switch {
	case r.Name == "":
		return nil, errors.New("a rule has a name")
	case !rel.defs.IsResource(string(r.Type)):
		return nil, fmt.Errorf("%q is not a resource type", r.Type)
	case slices.Contains(unruled, r.Type):
		return nil, fmt.Errorf("no rule is for %s: such are erased with their patient, or deleted", r.Type)
	case r.Days < 1:
		return nil, fmt.Errorf("days is the age in days, from 1 up, not %d", r.Days)
	}
	pairs, err := ParseCriteria(r.Filter)
	if err != nil {
		return nil, err
	}
	by := r.By
	if by == "" {
		by = "_lastUpdated"
	}
	// The day is over everywhere.
	pairs = append(pairs, search.Pair{Name: by, Value: "lt" + d.now().AddDate(0, 0, -r.Days-1).Format(time.DateOnly)})
	q, err := rel.catalog.Parse(string(r.Type), pairs, search.ParseOptions{})
	if err != nil {
		return nil, err
	}
	return &search.Query{Types: []string{string(r.Type)}, Filter: q.Filter}, nil
}

// retaining is the progress of the job.
type retaining struct {
	Rule   int              `json:"rule"`
	After  string           `json:"after,omitempty"`
	Blobs  []string         `json:"blobs,omitempty"`
	Counts []RetentionCount `json:"counts"`
}

// RetentionDryRun counts what the rules would expunge now.
func (s *Session) RetentionDryRun(ctx context.Context) ([]RetentionCount, error) {
	if err := s.operate(access.Retain, smart.Read); err != nil {
		return nil, err
	}
	var p retaining
	err := s.door.retain(ctx, &p, true, func() error { return nil })
	return p.Counts, s.door.fault(err)
}

// ApplyRetention orders that the rules be applied now, by a durable job, and returns
// its id for RetentionResult.
func (s *Session) ApplyRetention(ctx context.Context) (string, error) {
	if err := s.operate(access.Retain, smart.Delete); err != nil {
		return "", err
	}
	id := retainJob + "/" + uuid.NewString()
	_, err := jobs.Enqueue(ctx, s.door.store, jobs.Job{ID: id, Kind: retainJob}, s.door.config.Clock())
	return id, s.door.fault(err)
}

// RetentionResult says what such a job has done so far, and whether it has ended;
// NotFound when there is none. Its error is that of the job.
func (s *Session) RetentionResult(ctx context.Context, id string) (counts []RetentionCount, ended bool, err error) {
	if err := s.operate(access.Retain, smart.Read); err != nil {
		return nil, false, err
	}
	job, err := s.door.store.ReadJob(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && job.Kind != retainJob {
		return nil, false, fault.New(fault.NotFound, fault.CodeNotFound, "", "there is no such run of the retention rules")
	}
	if err != nil {
		return nil, false, s.door.fault(err)
	}
	var p retaining
	_ = json.Unmarshal(jobs.Progress(job), &p) // written by the job
	if job.State == store.JobFailed {
		err = fault.New(fault.Internal, fault.CodeException, "", "the rules were not all applied: %s", job.Error)
	}
	return p.Counts, job.State != store.JobReady && job.State != store.JobRunning, err
}

// demandRetention makes the job of the day when there are rules.
func (d *Door) demandRetention(ctx context.Context) error {
	day := d.config.Clock().UTC().Format(time.DateOnly)
	if d.retainedOn == day {
		return nil
	}
	rules, err := d.retention(ctx)
	if err != nil || len(rules) == 0 {
		return err
	}
	_, err = jobs.Enqueue(ctx, d.store, jobs.Job{ID: retainJob + "/" + day, Kind: retainJob}, d.config.Clock())
	if err == nil || errors.Is(err, store.ErrVersion) {
		d.retainedOn = day
		return nil
	}
	return err
}

// retainBeside is the job's handler.
func (d *Door) retainBeside(ctx context.Context, w *jobs.Work) error {
	var p retaining
	if _, err := w.Progress(&p); err != nil {
		return err
	}
	err := d.retain(ctx, &p, false, func() error { return w.Save(ctx, p) })
	if err != nil {
		return err
	}
	for _, n := range p.Counts {
		if n.Expunged == 0 {
			continue
		}
		if err := d.tell(ctx, retainJob, fmt.Sprintf("retention rule %q expunged %d resources, %d versions", n.Rule, n.Expunged, n.Versions)); err != nil {
			return err
		}
	}
	return w.SetResult(p.Counts)
}

// retain applies the rules from where p stands, or counts what they are about.
func (d *Door) retain(ctx context.Context, p *retaining, dry bool, save func() error) error {
	rules, err := d.retention(ctx)
	if err != nil {
		return err
	}
	for ; p.Rule < len(rules); p.Rule, p.After = p.Rule+1, "" {
		q, err := d.retained(rules[p.Rule])
		if err != nil {
			return jobs.Permanent(err)
		}
		if len(p.Counts) == p.Rule {
			p.Counts = append(p.Counts, RetentionCount{Rule: rules[p.Rule].Name})
		}
		for {
			q.After, q.Count, q.Bytes = p.After, eraseBatch, d.pageBytes()
			page, err := d.store.Search(ctx, q)
			if err != nil {
				return err
			}
			if err := d.retainSome(ctx, p, page.Records, dry, save); err != nil {
				return err
			}
			if p.After = page.Next; p.After == "" {
				break
			}
		}
	}
	if dry {
		return nil
	}
	names := map[string]bool{}
	for _, name := range p.Blobs {
		names[name] = true
	}
	if err := d.sweep(ctx, names); err != nil {
		return err
	}
	p.Blobs = nil
	_, err = d.store.Expunge(ctx, store.Expunge{})
	return errors.Join(err, save())
}

// retainSome expunges those of found that are free to go.
func (d *Door) retainSome(ctx context.Context, p *retaining, found []store.Record, dry bool, save func() error) error {
	count := &p.Counts[p.Rule]
	var keys []fhir.Key
	blobs := p.Blobs
	choose := func(ctx context.Context) error {
		for _, r := range found {
			referrers, err := d.store.Referrers(ctx, r.Key, 1)
			if err != nil {
				return err
			}
			any, err := d.anyHolds(ctx)
			if err != nil {
				return err
			}
			var h *Hold
			if any {
				patients, err := d.everConcerned(ctx, r.Key)
				if err != nil {
					return err
				}
				if h, err = d.heldBy(ctx, append(patientKeys(patients), r.Key)...); err != nil {
					return err
				}
			}
			switch {
			case h != nil:
				count.Held++
			case len(referrers) > 0:
				count.Referred++
			default:
				keys = append(keys, r.Key)
			}
		}
		return nil
	}
	if dry {
		err := choose(ctx)
		count.Expunged += int64(len(keys))
		return err
	}
	return d.removing(ctx, func(ctx context.Context) error {
		if err := choose(ctx); err != nil || len(keys) == 0 {
			return err
		}
		for _, key := range keys {
			if key.Type != "Binary" {
				continue
			}
			names, err := d.contents(ctx, key.ID)
			if err != nil {
				return err
			}
			for name := range names {
				blobs = append(blobs, name)
			}
		}
		p.Blobs = blobs
		if err := save(); err != nil {
			return err
		}
		n, err := d.store.Expunge(ctx, store.Expunge{Keys: keys, Everything: true, KeepTexts: true})
		if err != nil {
			return err
		}
		count.Expunged += int64(len(keys))
		count.Versions += n
		return save()
	})
}
