package leaktest

import (
	"slices"
	"strings"
)

// Topic says what changes of resources of a type are events, and what goes along with
// them.
type Topic struct {
	Type              string
	On                string // create, update and delete, joined by commas
	Previous, Current []Criterion
	AsksPrevious      bool // else Previous counts for nothing
	AsksCurrent       bool
	Both              bool // both have to hold, and not either
	// CreatePasses and DeletePasses are what holds where there was, or is, nothing.
	CreatePasses, DeletePasses bool
	Shape                      []Include
}

// Fires says whether a version is an event for who filters by criteria, whoever may
// know of it.
func (t *Topic) Fires(s *Sight, v *Version, filters []Criterion) bool {
	before := s.before(v)
	did, there := "update", v
	switch {
	case before == nil && v.Deleted || v.Type != t.Type:
		return false
	case before == nil:
		did = "create"
	case v.Deleted:
		did, there = "delete", before
	}
	if !slices.Contains(strings.Split(t.On, ","), did) || !s.Meets(there, filters) {
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

// Hears says whether an event of a topic may be numbered for the principal as it
// happens: a topic that asks how a resource was tells of that.
func (s *Sight) Hears(t *Topic, v *Version) bool { return s.may(t, v, s.Sees) }

// HearsAgain says the same of an event that is told later.
func (s *Sight) HearsAgain(t *Topic, v *Version) bool { return s.may(t, v, s.SeesVersion) }

func (s *Sight) may(t *Topic, v *Version, sees func(*Version, string) bool) bool {
	if !s.May(v.Type, "r") || !sees(v, "r") {
		return false
	}
	before := s.before(v)
	return !t.AsksPrevious || before == nil || sees(before, "r")
}

// Beside are the references of what goes along with an event: what the version
// names, and what names its resource.
func (s *Sight) Beside(t *Topic, v *Version) map[string]bool {
	found := map[string]bool{}
	if v.Deleted {
		return found
	}
	for _, i := range t.Shape {
		for _, to := range s.followVersion(v, i) {
			if to != v.Reference() {
				found[to] = true
			}
		}
	}
	return found
}
