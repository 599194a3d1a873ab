package terminology

import (
	"errors"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// item is one code of a value set.
type item struct {
	sys   *system // nil when its code system is not at hand
	index int32   // in sys
	// system, version and code name it; the version is empty without sys.
	system, version, code string
	concept               *definitions.Concept // what an include that lists codes says of it, or nil
	of                    *ValueSet            // the value set that includes it
	nests                 bool                 // its place in the hierarchy may be shown
}

// maxDepth bounds value sets that include value sets.
const maxDepth = 32

// enter says whether a value set may be looked into from above; one that
// includes itself may not. It counts for more the deeper it lies.
func (s *scope) enter(v *ValueSet, above []*ValueSet) error {
	if err := s.visit(1 + len(above)); err != nil {
		return err
	}
	if i := slices.IndexFunc(above, func(a *ValueSet) bool { return a.ValueSet == v.ValueSet }); i >= 0 {
		names := make([]string, 0, len(above)+1)
		for _, a := range append(above[i:], v) {
			names = append(names, a.canonical())
		}
		return refuse(fault.Unprocessable, fault.CodeProcessing, "", "vs-invalid", "VALUESET_CIRCULAR_REFERENCE",
			"The value set %s includes or excludes itself: %s", v.canonical(), strings.Join(names, " → "))
	}
	if len(above) >= maxDepth {
		return refuse(fault.Unprocessable, fault.CodeTooCostly, "", "vs-invalid", "",
			"The value set %s includes value sets that include others more than %d deep", above[0].canonical(), maxDepth)
	}
	return nil
}

// walk yields the codes of a value set in the order of its definition; one
// that several includes have comes several times. An error of yield ends it.
func (s *scope) walk(v *ValueSet, above []*ValueSet, yield func(*item) error) error {
	if err := s.enter(v, above); err != nil {
		return err
	}
	above = append(slices.Clip(above), v)
	if len(v.includes) == 0 && v.Expanded {
		return s.walkExpansion(v, yield)
	}
	kept := func(it *item) error {
		out, err := s.excluded(v, it, above)
		if err != nil || out {
			return err
		}
		return yield(it)
	}
	for i := range v.includes {
		err := s.walkInclude(v, &v.includes[i], above, kept)
		if v.Expanded && len(v.includes) == 1 && errors.As(err, new(*unknownSystem)) {
			return s.walkExpansion(v, yield)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// walkExpansion yields the codes of an expansion that came along.
func (s *scope) walkExpansion(v *ValueSet, yield func(*item) error) error {
	for i := range v.Expansion {
		e := &v.Expansion[i]
		it := item{system: e.System, version: e.Version, code: e.Code, concept: &definitions.Concept{Code: e.Code, Display: e.Display}, of: v}
		if sys, err := s.codeSystem(e.System, e.Version); err == nil {
			if n, _, ok := sys.find(e.Code); ok {
				it.sys, it.index = sys, n
			}
		}
		if err := errors.Join(s.visit(1), yield(&it)); err != nil {
			return err
		}
	}
	return nil
}

// walkInclude yields the codes of one include.
func (s *scope) walkInclude(v *ValueSet, in *include, above []*ValueSet, yield func(*item) error) error {
	r, err := s.resolve(v, in)
	if err := errors.Join(err, s.visit(1)); err != nil {
		return err
	}
	within := func(sets []*ValueSet) func(*item) error {
		return func(it *item) error {
			for _, set := range sets {
				found, err := s.member(set, it.named(), above)
				if err != nil || found == nil {
					return err
				}
			}
			return yield(it)
		}
	}
	if in.System == "" {
		if len(r.sets) == 0 {
			return nil
		}
		return s.walk(r.sets[0], above, func(it *item) error {
			if err := s.visit(1); err != nil {
				return err
			}
			it.nests = false
			return within(r.sets[1:])(it)
		})
	}
	return s.walkSystem(v, in, r, within(r.sets))
}

func (s *scope) walkSystem(v *ValueSet, in *include, r *resolved, yield func(*item) error) error {
	if len(in.Concepts) > 0 {
		return s.walkListed(v, in, r, yield)
	}
	if r.missing != nil {
		if grammars[in.System] != nil {
			return refuse(fault.Unprocessable, fault.CodeTooCostly, includePath(in), "too-costly", "",
				"The value set %s cannot be expanded: the codes of %s are told by a grammar and cannot be listed; they can be validated", v.canonical(), in.System)
		}
		return r.missing
	}
	it := new(item) // the same for all: who keeps one copies it
	give := func(i int32) error {
		if err := s.visit(1); err != nil {
			return err
		}
		if r.selection != nil && !r.selection.has(i) {
			return nil
		}
		*it = item{sys: r.sys, index: i, system: in.System, version: r.sys.Version, code: r.sys.Concepts[i].Code, of: v, nests: true}
		return yield(it)
	}
	if r.selection != nil && r.selection.among != nil {
		for _, i := range r.selection.among() {
			if err := give(i); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range r.sys.Concepts {
		if err := give(int32(i)); err != nil {
			return err
		}
	}
	return nil
}

// walkListed yields the codes that an include lists. Those that are no codes
// of the system are left out, if that can be told.
func (s *scope) walkListed(v *ValueSet, in *include, r *resolved, yield func(*item) error) error {
	for n := range in.Concepts {
		concept := &in.Concepts[n]
		it := item{system: in.System, code: concept.Code, concept: concept, of: v}
		if r.missing != nil && r.missing.version != "" && len(r.missing.known) > 0 {
			return r.missing
		}
		if r.sys != nil {
			it.version = r.sys.Version
			i, _, ok := r.sys.find(concept.Code)
			if ok {
				it.sys, it.index = r.sys, i
			} else if r.sys.complete() {
				continue
			}
		} else if g := grammars[in.System]; g != nil && g(concept.Code) == No {
			continue
		}
		if err := errors.Join(s.visit(1), yield(&it)); err != nil {
			return err
		}
	}
	return nil
}

func (it *item) named() named { return named{system: it.system, version: it.version, code: it.code} }

// excluded says whether an exclude of the value set has an item.
func (s *scope) excluded(v *ValueSet, it *item, above []*ValueSet) (bool, error) {
	for i := range v.excludes {
		ex := &v.excludes[i]
		if ex.System != "" && ex.System != it.system {
			continue
		}
		n := it.named()
		if ex.System != "" && !s.versionCounts(v, ex) {
			n.version = ""
		}
		found, err := s.memberOf(v, ex, n, above)
		if err != nil || found != nil {
			return found != nil, err
		}
	}
	return false, nil
}

// versionCounts says whether an exclude takes out codes of its version of the
// code system only: when another include has that version, or when the value
// set insists.
func (s *scope) versionCounts(v *ValueSet, ex *include) bool {
	switch v.parameters["versionsMatch"] {
	case "true":
		s.merged = true
		return false
	case "false":
		return true
	}
	if ex.Version == "" {
		return true
	}
	same := slices.ContainsFunc(v.includes, func(in include) bool {
		return in.System == ex.System && (in.Version == ex.Version || in.Version == "")
	})
	if !same && slices.ContainsFunc(v.includes, func(in include) bool { return in.System == ex.System }) {
		s.merged = true
	}
	return same
}
