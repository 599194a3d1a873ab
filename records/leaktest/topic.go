package leaktest

import (
	"slices"
	"strings"
)

// Topic says what changes are events, by any of its triggers, and what goes along with
// those of resources of a type.
type Topic struct {
	Triggers []Trigger
	Shape    map[string][]Include
}

// Trigger says what changes of resources of a type are events.
type Trigger struct {
	Type              string
	On                string // create, update and delete, joined by commas
	Previous, Current []Criterion
	AsksPrevious      bool // else Previous counts for nothing
	AsksCurrent       bool
	Both              bool // both have to hold, and not either
	// CreatePasses and DeletePasses are what holds where there was, or is, nothing.
	CreatePasses, DeletePasses bool
	Path                       *Path // nil: none is asked
}

// Path is a criterion in FHIRPath, which holds of what was and what is alone.
type Path struct{ Previous, Current []Criterion }

func (p *Path) holds(s *Sight, before, v *Version) bool {
	if p.Previous != nil && (before == nil || !s.Meets(before, p.Previous)) {
		return false
	}
	return p.Current == nil || !v.Deleted && s.Meets(v, p.Current)
}

// fires says whether a version is an event for who filters by criteria, whoever may
// know of it.
func (t *Trigger) fires(s *Sight, v *Version, filters []Criterion) bool {
	before := s.before(v)
	did, there := "update", v
	switch {
	case before == nil && v.Deleted, v.Type != t.Type:
		return false
	case before == nil:
		did = "create"
	case v.Deleted:
		did, there = "delete", before
	}
	if !slices.Contains(strings.Split(t.On, ","), did) || !s.Meets(there, filters) {
		return false
	}
	if t.Path != nil && !t.Path.holds(s, before, v) {
		return false
	}
	was, is := t.CreatePasses, t.DeletePasses
	if before != nil {
		was = s.Meets(before, t.Previous)
	}
	if !v.Deleted {
		is = s.Meets(v, t.Current)
	}
	switch {
	case t.AsksPrevious && t.AsksCurrent && t.Both:
		return was && is
	case t.AsksPrevious && t.AsksCurrent:
		return was || is
	case t.AsksPrevious:
		return was
	case t.AsksCurrent:
		return is
	}
	return true
}

// before is the version that another one took the place of; nil when there was nothing.
func (s *Sight) before(v *Version) *Version {
	if before := s.w.Version(v.Reference(), v.Number-1); before != nil && !before.Deleted {
		return before
	}
	return nil
}

// Hears says whether a version is an event of a topic for who filters by criteria of each
// type, which may be numbered for the principal as it happens: a trigger that asks how a
// resource was, as FHIRPath may, tells of that.
func (s *Sight) Hears(t *Topic, v *Version, filters map[string][]Criterion) bool {
	return s.hears(t, v, filters, s.Sees)
}

// HearsAgain says the same of an event that is told later.
func (s *Sight) HearsAgain(t *Topic, v *Version, filters map[string][]Criterion) bool {
	return s.hears(t, v, filters, s.SeesVersion)
}

func (s *Sight) hears(t *Topic, v *Version, filters map[string][]Criterion, sees func(*Version, string) bool) bool {
	if !s.May(v.Type, "r") || !sees(v, "r") {
		return false
	}
	before := s.before(v)
	return slices.ContainsFunc(t.Triggers, func(one Trigger) bool {
		return one.fires(s, v, filters[v.Type]) && (!one.AsksPrevious && one.Path == nil || before == nil || sees(before, "r"))
	})
}

// Beside are the references of what goes along with an event: what the version
// names, and what names its resource.
func (s *Sight) Beside(t *Topic, v *Version) map[string]bool {
	found := map[string]bool{}
	if v.Deleted {
		return found
	}
	for _, i := range t.Shape[v.Type] {
		for _, to := range s.followVersion(v, i) {
			if to != v.Reference() {
				found[to] = true
			}
		}
	}
	return found
}
