package leaktest

import (
	"maps"
	"slices"
	"strings"
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
	return s.as(v, former, func() bool { return s.consented(v, interactions) })
}

// as asks of a version that is looked at as it was before its delete, or is not.
func (s *Sight) as(v *Version, former bool, ask func() bool) bool {
	was := s.former
	if s.former = nil; former {
		s.former = v
	}
	defer func() { s.former = was }()
	return ask()
}

func codesAt(body any, path string) (codes []string) {
	for _, one := range at(body, path) {
		codes = append(codes, text(one, "code"))
	}
	return codes
}

// takesAlong says whether a version that refers to a Binary, or what it tells about, hides that.
func (s *Sight) takesAlong(from, binary *Version) bool {
	if path := abouts[from.Type]; path != "" {
		name, _, _ := strings.Cut(path, ".")
		rest := maps.Clone(from.Body)
		delete(rest, name)
		return slices.Contains(s.w.Mentioned(rest), binary.Reference()) && s.tellsOfHidden(from, s.consentedItself)
	}
	return isOwned(from.Type) && from.Type != "Binary" && s.w.attaches(from, binary.Reference()) && !s.consented(from, "rs")
}

// tellsOfHidden says whether a version tells about something of a patient that is not consented,
// as it is or was before its delete.
func (s *Sight) tellsOfHidden(v *Version, consented func(v *Version, interactions string) bool) bool {
	return slices.ContainsFunc(s.w.referred(v.Body, abouts[v.Type]), func(to string) bool {
		target, former := s.w.Current(to), false
		if target == nil {
			target, former = s.w.Before(to), true
		}
		return target != nil && isOwned(target.Type) && !s.as(target, former, func() bool { return consented(target, "rs") })
	})
}
