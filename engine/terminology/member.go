package terminology

import (
	"errors"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// named is a code to look for. Without a version any will do.
type named struct {
	system, version, code string
	// plain says that the system goes without saying: any include may have it.
	plain bool
}

// found is where a value set has a code.
type found struct {
	sys     *system // nil when it is told by a grammar or by a list alone
	index   int32
	system  string
	code    string // as it is defined
	concept *definitions.Concept
	of      *ValueSet
	// fragment says that the code is not there, but might be in the rest of the
	// code system.
	fragment bool
}

// member finds a code in a value set; nil when it has it not.
func (s *scope) member(v *ValueSet, n named, above []*ValueSet) (*found, error) {
	if err := s.enter(v, above); err != nil {
		return nil, err
	}
	above = append(slices.Clip(above), v)
	if len(v.includes) == 0 && v.Expanded {
		return s.inExpansion(v, n), nil
	}
	var hit *found
	var untold error
	for i := range v.includes {
		f, err := s.memberOf(v, &v.includes[i], n, above)
		if errors.As(err, new(*unknownSystem)) {
			untold = err
			continue
		}
		if err != nil {
			return nil, err
		}
		if f != nil && (hit == nil || hit.fragment) {
			if hit = f; !f.fragment {
				break
			}
		}
	}
	if hit == nil {
		if untold != nil && v.Expanded {
			return s.inExpansion(v, n), nil
		}
		return nil, untold
	}
	it := item{sys: hit.sys, index: hit.index, system: hit.system, code: hit.code}
	if hit.sys != nil {
		it.version = hit.sys.Version
	}
	out, err := s.excluded(v, &it, above)
	if err != nil || out {
		return nil, err
	}
	return hit, nil
}

// inExpansion finds a code in the expansion that came along.
func (s *scope) inExpansion(v *ValueSet, n named) *found {
	for i := range v.Expansion {
		e := &v.Expansion[i]
		if e.Code != n.code || !n.plain && e.System != n.system || n.version != "" && e.Version != "" && e.Version != n.version {
			continue
		}
		f := &found{system: e.System, code: e.Code, of: v, concept: &definitions.Concept{Code: e.Code, Display: e.Display}}
		if sys, err := s.codeSystem(e.System, e.Version); err == nil {
			if j, _, ok := sys.find(e.Code); ok {
				f.sys, f.index = sys, j
			}
		}
		return f
	}
	return nil
}

// memberOf finds a code in one include or exclude. The error is an
// *unknownSystem when the code system that would tell is missing.
func (s *scope) memberOf(v *ValueSet, in *include, n named, above []*ValueSet) (*found, error) {
	if in.System != "" && !n.plain && in.System != n.system {
		return nil, nil
	}
	if err := s.visit(1); err != nil {
		return nil, err
	}
	r, err := s.resolve(v, in)
	if err != nil {
		return nil, err
	}
	var f *found
	if in.System != "" {
		if f, err = s.inSystem(v, in, r, n); f == nil || err != nil {
			return nil, err
		}
		n = named{system: in.System, version: n.version, code: n.code}
	}
	for _, set := range r.sets {
		inner, err := s.member(set, n, above)
		if err != nil || inner == nil {
			return nil, err
		}
		if f == nil {
			f = inner
		}
	}
	return f, nil
}

func (s *scope) inSystem(v *ValueSet, in *include, r *resolved, n named) (*found, error) {
	f := &found{system: in.System, code: n.code, of: v}
	if r.missing != nil && (r.missing.version == "" || len(r.missing.known) == 0) {
		if len(in.Concepts) > 0 {
			i, ok := in.byCode[n.code]
			if !ok && in.System == languageTags {
				at := slices.IndexFunc(in.Concepts, func(c definitions.Concept) bool { return strings.EqualFold(c.Code, n.code) })
				i, ok = at, at >= 0
			}
			if !ok {
				return nil, nil
			}
			f.concept, f.code = &in.Concepts[i], in.Concepts[i].Code
			return f, nil
		}
	}
	if g := grammars[in.System]; g != nil && len(in.Filters)+len(in.Concepts) == 0 && (r.sys == nil || !r.sys.complete()) {
		if g(n.code) == Yes {
			return f, nil
		}
		return nil, nil
	}
	if r.missing != nil {
		return nil, r.missing
	}
	if n.version != "" && !matchVersion(n.version, r.sys.Version) && r.sys.Version != "" {
		return nil, nil
	}
	i, _, ok := r.sys.find(n.code)
	f.sys, f.index = r.sys, i
	if !ok {
		f.sys = nil
		if listed, ok := in.byCode[n.code]; ok && !r.sys.complete() {
			f.concept = &in.Concepts[listed]
			return f, nil
		}
		if r.sys.complete() || len(in.Concepts) > 0 {
			return nil, nil
		}
		f.sys, f.fragment = r.sys, true
		return f, nil
	}
	f.code = r.sys.Concepts[i].Code
	if len(in.Concepts) > 0 {
		listed, ok := in.byCode[f.code]
		if !ok && r.sys.CaseInsensitive {
			for k := range in.Concepts {
				if j, _, found := r.sys.find(in.Concepts[k].Code); found && j == i {
					listed, ok = k, true
				}
			}
		}
		if !ok {
			return nil, nil
		}
		f.concept = &in.Concepts[listed]
		return f, nil
	}
	if r.selection != nil && !r.selection.has(i) {
		return nil, nil
	}
	return f, nil
}
