package record

import (
	"slices"
	"strings"
)

// Reduce drops from the types of a release what they inherit: an element that
// the base type already has in the same form, and invariants that the
// element's type or base states itself. What is left is what a type adds.
// Profiles (constraints) are left as they are.
func Reduce(structures []Structure) {
	byURL := map[string]*Structure{}
	byType := map[string]*Structure{}
	for i := range structures {
		s := &structures[i]
		if s.Derivation == "constraint" {
			continue
		}
		byURL[s.URL] = s
		byType[s.Type] = s
	}
	r := reducer{byURL: byURL, byType: byType, keys: map[*Structure]map[string]bool{}, full: map[*Structure][]Element{}}
	for i := range structures {
		if structures[i].Derivation != "constraint" {
			normalize(&structures[i])
			r.full[&structures[i]] = structures[i].Elements
		}
	}
	for i := range structures {
		if structures[i].Derivation != "constraint" {
			r.reduce(&structures[i])
		}
	}
}

// normalize mends how a release states its own types.
func normalize(s *Structure) {
	for i := range s.Elements {
		e := &s.Elements[i]
		e.ID, e.SliceName, e.Slicing, e.MustSupport = "", "", nil, false
		if e.Path == s.Type+".id" && e.BasePath == "Resource.id" {
			// R4 says string here, R5 and the text of R4 say id.
			e.Types = []TypeRef{{Code: "id"}}
		}
	}
}

type reducer struct {
	byURL, byType map[string]*Structure
	full          map[*Structure][]Element
	keys          map[*Structure]map[string]bool
}

// invariantKeys are the invariants of a type and its bases.
func (r *reducer) invariantKeys(s *Structure) map[string]bool {
	if s == nil || len(r.full[s]) == 0 {
		return nil
	}
	if k, ok := r.keys[s]; ok {
		return k
	}
	k := map[string]bool{}
	r.keys[s] = k
	for key := range r.invariantKeys(r.byURL[s.Base]) {
		k[key] = true
	}
	for _, inv := range r.full[s][0].Invariants {
		k[inv.Key] = true
	}
	return k
}

func (r *reducer) reduce(s *Structure) {
	base := r.byURL[s.Base]
	baseKeys := r.invariantKeys(base)
	var kept []Element
	for i, e := range r.full[s] {
		e.Invariants = slices.Clone(e.Invariants)
		if i == 0 {
			e.Invariants = slices.DeleteFunc(e.Invariants, func(inv Invariant) bool { return baseKeys[inv.Key] })
			kept = append(kept, e)
			continue
		}
		if r.inherited(s, base, e) {
			continue
		}
		e.Invariants = slices.DeleteFunc(e.Invariants, func(inv Invariant) bool {
			if inv.Key == "ele-1" {
				return true
			}
			for _, t := range e.Types {
				if r.invariantKeys(r.byType[t.Code])[inv.Key] {
					return true
				}
			}
			return false
		})
		e.BasePath = ""
		kept = append(kept, e)
	}
	s.Elements = kept
}

// inherited says whether the owner's base type has the element in the same
// form. The owner is the type itself, or an element with children of its own.
func (r *reducer) inherited(s, base *Structure, e Element) bool {
	cut := strings.LastIndexByte(e.Path, '.')
	owner, name := e.Path[:cut], e.Path[cut+1:]
	if owner != s.Elements[0].Path {
		base = nil
		for _, o := range r.full[s] {
			if o.Path == owner && len(o.Types) > 0 {
				base = r.byType[o.Types[0].Code]
			}
		}
	}
	for ; base != nil; base = r.byURL[base.Base] {
		full := r.full[base]
		if len(full) == 0 {
			return false
		}
		for _, b := range full {
			if b.Path == full[0].Path+"."+name {
				return same(b, e)
			}
		}
	}
	return false
}

func same(a, b Element) bool {
	if a.Min != b.Min || a.Max != b.Max || len(a.Types) != len(b.Types) || a.Regex != b.Regex {
		return false
	}
	if (a.Binding == nil) != (b.Binding == nil) || a.Binding != nil && a.Binding.Strength != b.Binding.Strength {
		return false
	}
	for i := range a.Types {
		if a.Types[i].Code != b.Types[i].Code {
			return false
		}
	}
	return true
}
