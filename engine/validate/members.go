package validate

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Slice gives those of n and what stands within it that belong to a slice of a
// profile. The profile is read from the element of its type that n is, or stands
// in. ok is false when the profile, or a slice of that name in it, is not known.
func (v *Validator) Slice(ctx context.Context, n fhir.Node, profile, name string) (members []fhir.Node, ok bool, err error) {
	return (&Sight{v: v, env: v.env}).Slice(ctx, n, profile, name)
}

// Slice is Validator.Slice with the sight of the terminology service.
func (s *Sight) Slice(ctx context.Context, n fhir.Node, profile, name string) (members []fhir.Node, ok bool, err error) {
	known, err := s.v.profile(profile)
	if known == nil || err != nil || !known.root.hasSlice(name) {
		return nil, false, err
	}
	r := run{v: s.v, ctx: ctx, env: s.env, terms: s.terms, quiet: true}
	seen := map[fhir.Node]bool{}
	var down []fhir.Node
	for at := n; !at.IsZero(); at = at.Parent() {
		if at.Type().Is(known.profile.Type) && !(at.Type().Is("Extension") && at.Child("url").Text() != known.profile.URL) {
			r.members(at, known.root, name, down, func(m fhir.Node) {
				if !seen[m] {
					seen[m] = true
					members = append(members, m)
				}
			})
		}
		down = append(down, at)
	}
	return members, true, nil
}

// hasSlice says whether a slice of that name stands in the shape.
func (s *shape) hasSlice(name string) bool {
	if s.slicing != nil && slices.ContainsFunc(s.slicing.slices, func(part *slice) bool {
		return part.name == name || part.shape.hasSlice(name)
	}) {
		return true
	}
	return slices.ContainsFunc(s.children, func(c *shape) bool { return c.hasSlice(name) })
}

// members finds what belongs to the slices called name below n, of which s says
// what it is: at the end of the way down, whose last node is the next one, or below it.
func (r *run) members(n fhir.Node, s *shape, name string, down []fhir.Node, found func(fhir.Node)) {
	for _, c := range s.children {
		if !c.hasSlice(name) {
			continue
		}
		if len(down) == 0 {
			for item := range n.All(c.name) {
				r.membersAt(item, c, name, nil, found)
			}
		} else if next := down[len(down)-1]; next.Name() == c.name {
			r.membersAt(next, c, name, down[:len(down)-1], found)
		}
	}
}

func (r *run) membersAt(item fhir.Node, c *shape, name string, down []fhir.Node, found func(fhir.Node)) {
	if c.only != "" && item.Type().Name != c.only {
		return
	}
	r.members(item, c, name, down, found)
	if c.slicing == nil {
		return
	}
	for _, part := range c.slicing.slices {
		if part.name != name && !part.shape.hasSlice(name) || !part.holds(r, item) {
			continue
		}
		if part.name == name && len(down) == 0 {
			found(item)
		}
		r.members(item, part.shape, name, down, found)
	}
}
