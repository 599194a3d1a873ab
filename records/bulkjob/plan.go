package bulkjob

import (
	"bufio"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

const (
	patient    fhir.Type = "Patient"
	provenance fhir.Type = "Provenance"
	binary     fhir.Type = "Binary"
	group      fhir.Type = "Group"
)

// waitsFor is how long an export waits for writes under way without saying so.
const waitsFor = time.Second

// settle waits for writes that were under way when the export was asked for: it shows them.
func (e *export) settle(ctx context.Context) error {
	short, stop := context.WithTimeout(ctx, waitsFor)
	defer stop()
	err := e.Door.Settle(short, e.At)
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return err
	}
	e.Waits = "waits for a write under way to end"
	if err := e.save(ctx); err != nil {
		return err
	}
	e.Waits = ""
	return e.Door.Settle(ctx, e.At)
}

// begin finds out whose data the export has, and makes the plan.
func (e *export) begin(ctx context.Context) error {
	e.State = State{Output: []File{}}
	if err := e.settle(ctx); err != nil {
		return err
	}
	if err := e.remember(ctx); err != nil {
		return err
	}
	session, err := e.session(ctx)
	if err != nil {
		return err
	}
	stats, err := e.Door.Stats(ctx)
	if err != nil {
		return err
	}
	present := slices.DeleteFunc(slices.Sorted(maps.Keys(stats)), func(t fhir.Type) bool { return !e.wants(t) || session.Exports(t) != nil })
	known := slices.DeleteFunc(e.Door.Types(), func(t fhir.Type) bool { return !e.wants(t) || session.Exports(t) != nil })
	add := func(what string, types ...fhir.Type) {
		for _, t := range types {
			e.Steps = append(e.Steps, Step{Type: t, What: what, Total: stats[t] * e.share(what)})
		}
	}
	// All Provenances are exported with the types, or those of what is exported.
	some := e.Associated != "" || e.byPatient() && e.wants(provenance)
	if some {
		present = slices.DeleteFunc(present, func(t fhir.Type) bool { return t == provenance })
	}
	if !e.byPatient() {
		add(stepAll, present...)
	} else {
		owned, err := e.owned(present)
		if err != nil {
			return err
		}
		add(stepOwned, owned...)
		add(stepReferred, slices.DeleteFunc(present, func(t fhir.Type) bool { return slices.Contains(owned, t) || t == binary || t == group })...)
	}
	if e.Level != System {
		if known, err = e.owned(known); err != nil {
			return err
		}
	}
	if some && stats[provenance] > 0 && session.Exports(provenance) == nil {
		add(stepProvenance, provenance)
	}
	if e.Organize != "" {
		step := Step{What: stepOrganize}
		for _, one := range e.Steps {
			step.Total += one.Total
		}
		e.Steps = append(e.Steps, step)
	}
	if !e.Since.IsZero() {
		add(stepDeleted, known...)
	}
	e.Steps = append(e.Steps, Step{What: stepNotes})
	return e.save(ctx)
}

// share is how much a resource of a step counts.
func (e *export) share(what string) int64 {
	if what == stepDeleted {
		return 0
	}
	return 1
}

// owned are those of some types that belong to Patients, the Patients first.
func (e *export) owned(types []fhir.Type) ([]fhir.Type, error) {
	all, err := e.Door.PatientTypes()
	if err != nil {
		return nil, err
	}
	var owned []fhir.Type
	for _, t := range types {
		switch {
		case t == patient:
			owned = slices.Insert(owned, 0, t)
		case t == group && len(e.Types) == 0:
			// It tells of all its members, not of one.
		case t != provenance && t != binary && slices.Contains(all, t):
			owned = append(owned, t)
		}
	}
	return owned, nil
}

// remember keeps the ids of the Patients whose data is asked for, if not all of them:
// the members of a Group are those of now.
func (e *export) remember(ctx context.Context) error {
	ids := e.Members
	if e.Level == Group {
		session, err := e.session(ctx)
		if err != nil {
			return err
		}
		wanted := make(map[fhir.ID]bool, len(ids))
		for _, id := range ids {
			wanted[id] = true
		}
		some := len(ids) > 0
		ids = []fhir.ID{}
		for key, err := range session.GroupMembers(ctx, e.Group) {
			if err != nil {
				return err
			}
			if key.Type == patient && (!some || wanted[key.ID]) {
				ids = append(ids, key.ID)
			}
		}
	}
	if ids == nil {
		return nil
	}
	file := "members-" + e.attempt()
	w, err := e.Files.Create(ctx, e.name(file))
	if err != nil {
		return err
	}
	defer w.Abort()
	out := bufio.NewWriter(w)
	for _, id := range ids {
		_, _ = out.WriteString(string(id) + "\n") // Flush tells of errors
	}
	if err := out.Flush(); err != nil {
		return err
	}
	e.Whose = file
	return w.Commit()
}

// recall reads what remember kept.
func (e *export) recall(ctx context.Context) error {
	if e.Whose == "" || e.members != nil {
		return nil
	}
	r, err := e.Files.Open(ctx, e.name(e.Whose))
	if err != nil {
		return err
	}
	defer r.Close()
	members := map[fhir.ID]bool{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		members[fhir.ID(strings.Clone(lines.Text()))] = true
	}
	e.members = members
	return lines.Err()
}

// request is what a step asks of the records.
func (e *export) request(step Step, after records.Place) records.PortionRequest {
	r := records.PortionRequest{
		Type: step.Type, At: e.At, After: after, Since: e.Since, Until: e.Until, Filters: e.Filters[step.Type], Elements: e.Elements,
		Owned: step.What == stepOwned || step.What == stepDeleted && e.Level != System, Deleted: step.What == stepDeleted,
	}
	if e.members != nil {
		r.Member = func(id fhir.ID) bool { return e.members[id] }
	}
	switch step.What {
	case stepReferred:
		r.Keep = func(p records.Place, _ []records.Place) bool { return e.referred.has(p) }
	case stepProvenance:
		r.Targets = true
		r.Keep = func(p records.Place, targets []records.Place) bool {
			return slices.ContainsFunc(targets, e.exported.has) && (e.latest == nil || e.latest.has(p))
		}
	}
	return r
}
