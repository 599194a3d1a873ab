package records

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Incomplete lists the search parameters that may lack index rows, sorted. All
// others are complete.
func (d *Door) Incomplete(ctx context.Context) ([]Incomplete, error) {
	x := d.indexes
	if err := x.refresh(ctx); err != nil {
		return nil, d.fault(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	var found []Incomplete
	if x.whole {
		return nil, nil
	}
	for k, t := range x.state.Types {
		codes := map[string]bool{}
		for code := range t.Build {
			codes[code] = true
		}
		if p := x.printsOf(k); p != nil && p.of != t.Print {
			for code := range p.params() {
				codes[code] = true
			}
		}
		delete(codes, search.OtherReference)
		delete(codes, search.Subscriber)
		delete(codes, pointerCode)
		delete(codes, containedCode)
		for code := range codes {
			if i, ok := x.lacks(k, t, code); ok {
				found = append(found, i)
			}
		}
	}
	slices.SortFunc(found, func(a, b Incomplete) int { return strings.Compare(a.Param, b.Param) })
	return found, nil
}

// RequestReindex has the resources of types, or all, indexed anew in the
// background, as Work does it. Forbidden unless policy allows it.
func (s *Session) RequestReindex(ctx context.Context, types []fhir.Type) error {
	d := s.door
	if !d.policy.Reindex {
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "$reindex is not allowed on this server")
	}
	if s.filter(nil, smart.Update) != nil {
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "$reindex needs access to everything")
	}
	if len(types) == 0 {
		types = []fhir.Type{""}
	}
	if err := d.indexes.demand(ctx, types); err != nil {
		return d.fault(err)
	}
	return d.fault(d.demandBuild(ctx, true))
}

// Build is how far the background job that builds indexes is.
type Build struct {
	Running bool
	Ended   time.Time       // zero while there is something to do
	Report  ReindexProgress // of the job that runs, or ran last
	Error   string          // of its last attempt
}

// Build reads how far the background job is; false when there never was one, or
// when a filter is in force, since its counts are of all resources.
func (s *Session) Build(ctx context.Context) (Build, bool, error) {
	d := s.door
	if s.limited() {
		return Build{}, false, nil
	}
	j, err := d.store.ReadJob(ctx, indexJob)
	if errors.Is(err, store.ErrNotFound) {
		return Build{}, false, nil
	}
	if err != nil {
		return Build{}, false, d.fault(err)
	}
	state := building{}
	text := jobs.Progress(j)
	if j.State == store.JobDone {
		text = j.Result
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &state); err != nil {
			return Build{}, false, d.fault(err)
		}
	}
	running := j.State == store.JobReady || j.State == store.JobRunning
	return Build{Running: running, Ended: j.Ended, Report: state.Report, Error: j.Error}, true, nil
}
