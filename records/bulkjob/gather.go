package bulkjob

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// rounds are how far references are followed from what belongs to Patients.
const rounds = 3

// gather finds what is exported by the steps that ask for all of a type, or all that
// belongs to Patients, and to what that refers; of the Provenances the latest of each, if
// only these are asked for.
func (e *export) gather(ctx context.Context) error {
	exported, referred, support := placeSet{}, placeSet{}, placeSet{}
	var owned func([]records.Exported)
	if e.Organize != "" {
		e.owners = newOwners()
		owned = func(all []records.Exported) {
			for _, one := range all {
				e.owners.add(one.Place, one.Owners)
			}
		}
	}
	var supporting []fhir.Type
	for _, step := range e.Steps {
		switch step.What {
		case stepAll, stepOwned:
			if err := e.heads(ctx, step, func(p records.Place, targets []records.Place) bool {
				exported.add(p)
				for _, t := range targets {
					referred.add(t)
				}
				return owned != nil
			}, owned); err != nil {
				return err
			}
		case stepReferred:
			supporting = append(supporting, step.Type)
		}
	}
	for range rounds {
		for _, t := range supporting {
			if err := e.heads(ctx, Step{Type: t}, func(p records.Place, targets []records.Place) bool {
				if referred.has(p) {
					exported.add(p)
					support.add(p)
					for _, t := range targets {
						referred.add(t)
					}
				}
				return false
			}, nil); err != nil {
				return err
			}
		}
	}
	if e.Associated == LatestProvenance {
		latest, err := e.latestOf(ctx, exported)
		if err != nil {
			return err
		}
		e.latest = latest
	}
	e.exported, e.referred, e.support = exported, referred, support
	return nil
}

// heads shows keep all that a step is about, without reading it. What keep does not
// want costs nothing more; what it wants found, if not nil, is told of.
func (e *export) heads(ctx context.Context, step Step, keep func(records.Place, []records.Place) bool, found func([]records.Exported)) error {
	for after := records.Place(0); ; {
		session, err := e.session(ctx)
		if err != nil {
			return err
		}
		r := e.request(step, after)
		r.Heads, r.Targets, r.Keep = true, true, keep
		portion, err := session.Portion(ctx, r)
		if err != nil {
			return err
		}
		if found != nil {
			found(portion.Resources)
		}
		if portion.End {
			return nil
		}
		after = portion.Next
	}
}

// latestOf finds the Provenances that are the latest of something exported: those that
// were recorded last, of several the one that came last.
func (e *export) latestOf(ctx context.Context, exported placeSet) (placeSet, error) {
	type record struct {
		at   int64
		from records.Place
	}
	of := map[records.Place]record{}
	for after := records.Place(0); ; {
		session, err := e.session(ctx)
		if err != nil {
			return nil, err
		}
		r := e.request(Step{Type: provenance, What: stepAll}, after)
		r.Targets = true
		targets := map[records.Place][]records.Place{}
		r.Keep = func(p records.Place, all []records.Place) bool {
			targets[p] = slices.DeleteFunc(all, func(t records.Place) bool { return !exported.has(t) })
			return len(targets[p]) > 0
		}
		portion, err := session.Portion(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, one := range portion.Resources {
			at := recorded(one.JSON)
			for _, t := range targets[one.Place] {
				if last, ok := of[t]; !ok || at >= last.at {
					of[t] = record{at, one.Place}
				}
			}
		}
		if after = portion.Next; portion.End {
			break
		}
	}
	latest := placeSet{}
	for _, one := range of {
		latest.add(one.from)
	}
	return latest, nil
}
