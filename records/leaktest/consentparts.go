package leaktest

import (
	"maps"
	"slices"
)

// withoutStrangers is a provision without the actors that are resources of other servers, and
// whether it has any.
func (w *World) withoutStrangers(body any) (any, bool) {
	all := at(body, "actor")
	here := slices.DeleteFunc(slices.Clone(all), func(a any) bool {
		name := text(a, "reference.reference")
		return name != "" && w.local(name) == ""
	})
	if len(here) == len(all) {
		return body, false
	}
	out := maps.Clone(body.(map[string]any))
	if delete(out, "actor"); len(here) > 0 {
		out["actor"] = here
	}
	return out, true
}

// beside is what a version refers to as it is now; of what is deleted, as it was before that
// where the version itself is looked at as it was before its delete.
func (s *Sight) beside(v *Version, to string) *Version {
	if now := s.w.Current(to); now != nil || s.former != v {
		return now
	}
	return s.w.Before(to)
}

// consentedAs is consented of a version that is looked at as it was before its delete, or is
// not.
func (s *Sight) consentedAs(v *Version, interactions string, former bool) bool {
	was := s.former
	if s.former = nil; former {
		s.former = v
	}
	defer func() { s.former = was }()
	return s.consented(v, interactions)
}

func codesAt(body any, path string) (codes []string) {
	for _, one := range at(body, path) {
		codes = append(codes, text(one, "code"))
	}
	return codes
}
