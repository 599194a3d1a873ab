package terminology

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/pattern"
	"github.com/inglehealth/ingle/spec/definitions"
)

// Bounds of a regular expression in a filter: its characters, and its states
// once repetitions are written out. Go's are matched in time linear to both and
// to the text, whatever they say.
const (
	maxRegex  = 2000
	maxStates = 5000
)

// selection is what the filters of an include select of a code system.
type selection struct {
	wants []func(i int32) bool
	// among gives the only concepts that can be selected; nil for all.
	among func() []int32
}

func (s *selection) has(i int32) bool {
	for _, want := range s.wants {
		if !want(i) {
			return false
		}
	}
	return true
}

// selected compiles filters. The error says which filter cannot be applied, by
// its number, and why.
func (s *CodeSystem) selected(filters []definitions.Filter) (*selection, error) {
	out := new(selection)
	for n, f := range filters {
		want, among, err := s.filter(f)
		if err != nil {
			return nil, &filterError{n, f, err.Error()}
		}
		out.wants = append(out.wants, want)
		if out.among == nil {
			out.among = among
		}
	}
	return out, nil
}

// filterError says why a filter cannot be applied.
type filterError struct {
	number int
	definitions.Filter
	why string
}

func (e *filterError) Error() string {
	return fmt.Sprintf("filter[%d] (%s %s %q): %s", e.number, e.Property, e.Op, e.Value, e.why)
}

// filter compiles one filter (R4 §4.9.5, value set filter-operator): what it
// wants, and where that is few, which concepts these are.
func (s *CodeSystem) filter(f definitions.Filter) (want func(int32) bool, among func() []int32, err error) {
	switch f.Op {
	case "is-a", "descendent-of", "is-not-a", "generalizes", "child-of", "descendent-leaf":
		return s.byHierarchy(f)
	case "=":
		switch s.meaning(f.Property) {
		case "parent":
			f.Property = "concept"
			f.Op = "child-of"
			return s.byHierarchy(f)
		case "child":
			i, _, ok := s.find(f.Value)
			return func(p int32) bool { return ok && s.parents != nil && slices.Contains(s.parents[i], p) }, nil, nil
		}
		want, err := s.byProperty(f.Property, func(v string) bool { return v == f.Value })
		return want, nil, err
	case "in", "not-in":
		values := strings.Split(f.Value, ",")
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		in, err := s.byProperty(f.Property, func(v string) bool { return slices.Contains(values, v) })
		if err == nil && f.Op == "not-in" {
			return func(i int32) bool { return !in(i) }, nil, nil
		}
		return in, nil, err
	case "regex":
		re, err := compileRegex(f.Value)
		if err != nil {
			return nil, nil, err
		}
		want, err := s.byProperty(f.Property, re.MatchString)
		return want, nil, err
	case "exists":
		if f.Value != "true" && f.Value != "false" {
			return nil, nil, fmt.Errorf("exists takes true or false")
		}
		has, err := s.byProperty(f.Property, func(string) bool { return true })
		if err != nil { // what no concept has does not exist
			has = func(int32) bool { return false }
		}
		return func(i int32) bool { return has(i) == (f.Value == "true") }, nil, nil
	}
	return nil, nil, fmt.Errorf("%q is no filter operator that is known here", f.Op)
}

// compileRegex compiles a regular expression that must match the whole value.
func compileRegex(expression string) (*regexp.Regexp, error) {
	if len(expression) > maxRegex {
		return nil, fmt.Errorf("the regular expression is longer than %d characters", maxRegex)
	}
	whole := "^(?:" + expression + ")$"
	size, err := pattern.Size(whole)
	if err == nil && size > maxStates {
		return nil, fmt.Errorf("the regular expression has more than %d states with its repetitions", maxStates)
	}
	re, err := regexp.Compile(whole)
	if err != nil {
		return nil, fmt.Errorf("the regular expression cannot be read: %w", err)
	}
	return re, nil
}

func (s *CodeSystem) byHierarchy(f definitions.Filter) (want func(int32) bool, among func() []int32, err error) {
	var related func() []int32
	switch s.meaning(f.Property) {
	case "concept", "code", "parent", "child", "subsumedBy":
	default:
		return nil, nil, fmt.Errorf("%s asks for the hierarchy, of the property concept", f.Op)
	}
	of, _, known := s.find(f.Value)
	if !known {
		if s.complete() && f.Op != "is-not-a" {
			return nil, nil, fmt.Errorf("the code system has no code %q", f.Value)
		}
		return func(int32) bool { return f.Op == "is-not-a" }, nil, nil
	}
	switch f.Op {
	case "is-a":
		related = func() []int32 { return append([]int32{of}, s.descendants(of)...) }
		want = func(i int32) bool { return s.below(i, of) }
	case "descendent-of":
		related = func() []int32 { return s.descendants(of) }
		want = func(i int32) bool { return i != of && s.below(i, of) }
	case "descendent-leaf":
		related = func() []int32 { return s.descendants(of) }
		want = func(i int32) bool { return i != of && s.leaf(i) && s.below(i, of) }
	case "child-of":
		related = func() []int32 {
			if s.children == nil {
				return nil
			}
			return s.children[of]
		}
		want = func(i int32) bool { return s.parents != nil && slices.Contains(s.parents[i], of) }
	case "generalizes":
		related = func() []int32 { return append([]int32{of}, s.ancestors(of)...) }
		want = func(i int32) bool { return s.below(of, i) }
	case "is-not-a":
		return func(i int32) bool { return !s.below(i, of) }, nil, nil
	}
	return want, func() []int32 { // in the order of the code system, as everything else
		list := slices.Clone(related())
		slices.Sort(list)
		return list
	}, nil
}

// byProperty selects the concepts that have a value of a property for which
// holds is true; code, display and definition count as properties. The error
// says that the code system has no such property.
func (s *CodeSystem) byProperty(name string, holds func(string) bool) (func(int32) bool, error) {
	switch name {
	case "code", "concept":
		return func(i int32) bool { return holds(s.Concepts[i].Code) }, nil
	case "display":
		return func(i int32) bool { return s.Concepts[i].Display != "" && holds(s.Concepts[i].Display) }, nil
	case "definition":
		return func(i int32) bool { return s.Concepts[i].Definition != "" && holds(s.Concepts[i].Definition) }, nil
	case "parent", "child":
		if s.parents != nil {
			ties := s.parents
			if name == "child" {
				ties = s.children
			}
			return func(i int32) bool {
				return slices.ContainsFunc(ties[i], func(j int32) bool { return holds(s.Concepts[j].Code) })
			}, nil
		}
	}
	if !s.knows(name) {
		return nil, fmt.Errorf("the code system has no property %q", name)
	}
	return func(i int32) bool {
		found := false
		s.values(i, name, func(p definitions.ConceptValue) bool {
			found = holds(p.Value)
			return !found
		})
		return found
	}, nil
}

// knows says whether a property is defined or used.
func (s *CodeSystem) knows(property string) bool {
	switch property {
	case "status", "inactive", "notSelectable", "abstract", "parent", "child":
		return true
	}
	for _, p := range s.Properties {
		if p.Code == property || s.names[p.Code] == property {
			return true
		}
	}
	for i := range s.Concepts {
		for _, p := range s.Concepts[i].Properties {
			if p.Code == property {
				return true
			}
		}
	}
	return false
}
