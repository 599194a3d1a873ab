package terminology

import (
	"regexp"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// system is a code system with its hierarchy.
type system struct {
	*definitions.CodeSystem
	complete bool
	fold     bool
	byCode   map[string]int
	parents  [][]int // of each concept, by nesting and by property
}

// system returns a code system whose concepts are at hand, or nil.
func (c *Catalog) system(canonical string) *system {
	if s, ok := c.systems.Load(canonical); ok {
		return s.(*system)
	}
	s := newSystem(c.definitions.CodeSystem(canonical))
	actual, _ := c.systems.LoadOrStore(canonical, s)
	return actual.(*system)
}

func newSystem(cs *definitions.CodeSystem) *system {
	if cs == nil || len(cs.Concepts) == 0 || cs.Content == "supplement" {
		return nil
	}
	s := &system{
		CodeSystem: cs, complete: cs.Content == "complete" || cs.Content == "", fold: cs.CaseInsensitive,
		byCode: make(map[string]int, len(cs.Concepts)), parents: make([][]int, len(cs.Concepts)),
	}
	for i, concept := range cs.Concepts {
		s.byCode[concept.Code] = i
	}
	var stack []int
	for i, concept := range cs.Concepts {
		stack = stack[:min(concept.Level, len(stack))]
		if len(stack) > 0 {
			s.parents[i] = append(s.parents[i], stack[len(stack)-1])
		}
		stack = append(stack, i)
		for _, p := range concept.Properties {
			switch p.Code {
			case "subsumedBy", "parent":
				if j, ok := s.byCode[p.Value]; ok {
					s.parents[i] = append(s.parents[i], j)
				}
			case "child":
				if j, ok := s.byCode[p.Value]; ok {
					s.parents[j] = append(s.parents[j], i)
				}
			}
		}
	}
	return s
}

// all are the codes of the system.
func (s *system) all() map[string]struct{} {
	out := make(map[string]struct{}, len(s.Concepts))
	for i := range s.Concepts {
		out[s.Concepts[i].Code] = struct{}{}
	}
	return out
}

// below says whether concept i is the ancestor or stands below it.
func (s *system) below(i, ancestor, depth int) bool {
	if i == ancestor {
		return true
	}
	if depth > 64 {
		return false
	}
	for _, p := range s.parents[i] {
		if s.below(p, ancestor, depth+1) {
			return true
		}
	}
	return false
}

// filter gives the codes that a filter selects; ok is false for a filter that
// is not understood.
func (s *system) filter(f definitions.Filter) (codes map[string]struct{}, ok bool) {
	var want func(i int) bool
	ancestor, known := s.byCode[f.Value]
	switch f.Op {
	case "is-a":
		want = func(i int) bool { return known && s.below(i, ancestor, 0) }
	case "descendent-of":
		want = func(i int) bool { return known && i != ancestor && s.below(i, ancestor, 0) }
	case "is-not-a":
		want = func(i int) bool { return !known || !s.below(i, ancestor, 0) }
	case "generalizes":
		want = func(i int) bool { return known && s.below(ancestor, i, 0) }
	case "=":
		if f.Property == "parent" {
			want = func(i int) bool { return known && contains(s.parents[i], ancestor) }
			break
		}
		want = func(i int) bool { return s.property(i, f.Property, func(v string) bool { return v == f.Value }) }
	case "in", "not-in":
		values := strings.Split(f.Value, ",")
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		want = func(i int) bool {
			in := s.property(i, f.Property, func(v string) bool { return contains(values, v) })
			return in == (f.Op == "in")
		}
	case "regex":
		re, err := regexp.Compile("^(?:" + f.Value + ")$")
		if err != nil {
			return nil, false
		}
		want = func(i int) bool { return s.property(i, f.Property, re.MatchString) }
	case "exists":
		want = func(i int) bool {
			return s.property(i, f.Property, func(string) bool { return true }) == (f.Value == "true")
		}
	default:
		return nil, false
	}
	out := map[string]struct{}{}
	for i := range s.Concepts {
		if want(i) {
			out[s.Concepts[i].Code] = struct{}{}
		}
	}
	return out, true
}

// property says whether a property of concept i has a value that holds; code,
// display and definition count as properties.
func (s *system) property(i int, name string, holds func(string) bool) bool {
	concept := &s.Concepts[i]
	switch name {
	case "code", "concept":
		return holds(concept.Code)
	case "display":
		return holds(concept.Display)
	case "definition":
		return holds(concept.Definition)
	}
	for _, p := range concept.Properties {
		if p.Code == name && holds(p.Value) {
			return true
		}
	}
	return false
}

func contains[T comparable](list []T, v T) bool {
	for _, e := range list {
		if e == v {
			return true
		}
	}
	return false
}

// Subsumes compares two codes of a system: "equivalent", "subsumes",
// "subsumed-by" or "not-subsumed"; "" when the system or a code is not known.
func (c *Catalog) Subsumes(systemURL, a, b string) string {
	s := c.system(systemURL)
	if s == nil {
		return ""
	}
	i, okA := s.byCode[a]
	j, okB := s.byCode[b]
	switch {
	case !okA || !okB:
		return ""
	case i == j:
		return "equivalent"
	case s.below(j, i, 0):
		return "subsumes"
	case s.below(i, j, 0):
		return "subsumed-by"
	}
	return "not-subsumed"
}

// Code says whether a code is one of a code system: Unknown when its codes
// are not at hand.
func (c *Catalog) Code(systemURL, code string) Answer {
	if g := grammars[systemURL]; g != nil {
		return g(code)
	}
	s := c.system(systemURL)
	if s == nil {
		return Unknown
	}
	if _, ok := s.byCode[code]; ok {
		return Yes
	}
	if s.fold {
		for i := range s.Concepts {
			if strings.EqualFold(s.Concepts[i].Code, code) {
				return Yes
			}
		}
	}
	if !s.complete {
		return Unknown
	}
	return No
}

// Display is the name that a code system gives a code, "" when not known.
func (c *Catalog) Display(systemURL, code string) string {
	s := c.system(systemURL)
	if s == nil {
		return ""
	}
	if i, ok := s.byCode[code]; ok {
		return s.Concepts[i].Display
	}
	return ""
}
