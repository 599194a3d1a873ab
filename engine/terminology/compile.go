package terminology

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// compile builds the value set; above are those that are being built, against
// value sets that include each other.
func (c *Catalog) compile(canonical string, above []string) *Set {
	v := c.definitions.ValueSet(canonical)
	if v == nil || slices.Contains(above, v.URL) {
		return nil
	}
	above = append(slices.Clip(above), v.URL)
	s := &Set{URL: v.URL}
	if len(v.Includes) == 0 && v.Expanded {
		s.parts = expansion(v)
	}
	for i := range v.Includes {
		s.parts = append(s.parts, c.include(&v.Includes[i], above))
	}
	for i := range v.Excludes {
		s.excludes = append(s.excludes, c.include(&v.Excludes[i], above))
	}
	// Where an include cannot be told but an expansion came along, that decides.
	if v.Expanded && slices.ContainsFunc(s.parts, func(p part) bool { return p.codes == nil }) {
		s.parts, s.excludes = expansion(v), nil
	}
	s.flatten()
	return s
}

// expansion groups the codes of an expansion by system.
func expansion(v *definitions.ValueSet) []part {
	var parts []part
	for _, e := range v.Expansion {
		i := slices.IndexFunc(parts, func(p part) bool { return p.system == e.System })
		if i < 0 {
			i = len(parts)
			parts = append(parts, part{system: e.System, codes: map[string]struct{}{}})
		}
		parts[i].codes[e.Code] = struct{}{}
	}
	return parts
}

// flatten makes the table for codes without a system.
func (s *Set) flatten() {
	n := 0
	for i := range s.parts {
		p := &s.parts[i]
		if p.codes == nil || p.fold || len(p.within) > 0 {
			return
		}
		n += len(p.codes)
	}
	for i := range s.excludes {
		if p := &s.excludes[i]; p.codes == nil || p.fold || len(p.within) > 0 {
			return
		}
	}
	if n > 2000 {
		return
	}
	plain := make(map[string]struct{}, n)
	for i := range s.parts {
		for code := range s.parts[i].codes {
			if ask(s.excludes, s.parts[i].system, code, false) != Yes {
				plain[code] = struct{}{}
			}
		}
	}
	s.plain = plain
}

func (c *Catalog) include(in *definitions.Include, above []string) part {
	p := part{system: in.System}
	for _, url := range in.ValueSets {
		w := c.compile(url, above)
		if w == nil {
			p.decide = unknown
			return p
		}
		p.within = append(p.within, w)
	}
	if in.System == "" {
		return p
	}
	if len(in.Concepts) > 0 {
		p.codes = make(map[string]struct{}, len(in.Concepts))
		for _, concept := range in.Concepts {
			p.codes[concept.Code] = struct{}{}
		}
		if sys := c.system(in.System); in.System == languageTags || sys != nil && sys.CaseInsensitive {
			p.fold = true
			p.codes = lowered(p.codes)
		}
		return p
	}
	sys := c.system(in.System)
	if sys == nil || !sys.complete() {
		p.decide = unknown
		if g := grammars[in.System]; g != nil && len(in.Filters) == 0 {
			p.decide = g
		} else if sys != nil && len(in.Filters) == 0 {
			codes := sys.byCode
			p.decide = func(code string) Answer {
				if _, ok := codes[code]; ok {
					return Yes
				}
				return Unknown
			}
		}
		return p
	}
	p.fold = sys.CaseInsensitive
	selected, err := sys.selected(in.Filters)
	if err != nil {
		p.decide = unknown
		return p
	}
	p.codes = map[string]struct{}{}
	for i := range sys.Concepts {
		if selected.has(int32(i)) {
			p.codes[sys.Concepts[i].Code] = struct{}{}
		}
	}
	if p.fold {
		p.codes = lowered(p.codes)
	}
	return p
}

func unknown(string) Answer { return Unknown }

func lowered(codes map[string]struct{}) map[string]struct{} {
	out := make(map[string]struct{}, len(codes))
	for code := range codes {
		out[strings.ToLower(code)] = struct{}{}
	}
	return out
}
