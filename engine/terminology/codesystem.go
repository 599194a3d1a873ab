package terminology

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// CodeSystem is a code system made ready for questions: codes are found by
// name and the hierarchy can be walked both ways. It is immutable.
type CodeSystem struct {
	*definitions.CodeSystem
	byCode   map[string]int32
	folded   map[string]int32 // codes in lower case, where case does not matter
	parents  [][]int32        // of each concept, by nesting and by property; nil when it is flat
	children [][]int32
	names    map[string]string // what a property's URI makes of its code: "status", "parent" ...
}

// NewCodeSystem makes a code system ready. The definition must not be changed
// afterwards.
func NewCodeSystem(cs *definitions.CodeSystem) *CodeSystem {
	s := &CodeSystem{CodeSystem: cs, byCode: make(map[string]int32, len(cs.Concepts)), names: map[string]string{}}
	for _, p := range cs.Properties {
		if name, ok := strings.CutPrefix(p.URI, conceptProperties); ok {
			s.names[p.Code] = name
		}
	}
	for i := range cs.Concepts {
		s.byCode[cs.Concepts[i].Code] = int32(i)
	}
	if cs.CaseInsensitive {
		s.folded = make(map[string]int32, len(cs.Concepts))
		for i := range slices.Backward(cs.Concepts) {
			s.folded[strings.ToLower(cs.Concepts[i].Code)] = int32(i)
		}
	}
	s.link()
	return s
}

// conceptProperties is where FHIR defines properties that it gives a meaning.
const conceptProperties = "http://hl7.org/fhir/concept-properties#"

// meaning is the name that FHIR gives a property, or its own.
func (s *CodeSystem) meaning(property string) string {
	if name, ok := s.names[property]; ok {
		return name
	}
	return property
}

// link finds the parents and children of each concept.
func (s *CodeSystem) link() {
	tie := func(child, parent int32) {
		if s.parents == nil {
			s.parents, s.children = make([][]int32, len(s.Concepts)), make([][]int32, len(s.Concepts))
		}
		if child != parent && !slices.Contains(s.parents[child], parent) {
			s.parents[child] = append(s.parents[child], parent)
			s.children[parent] = append(s.children[parent], child)
		}
	}
	var above []int32
	for i := range s.Concepts {
		concept := &s.Concepts[i]
		above = above[:min(concept.Level, len(above))]
		if len(above) > 0 {
			tie(int32(i), above[len(above)-1])
		}
		above = append(above, int32(i))
		for _, p := range concept.Properties {
			switch s.meaning(p.Code) {
			case "subsumedBy", "parent":
				if j, ok := s.byCode[p.Value]; ok {
					tie(int32(i), j)
				}
			case "child":
				if j, ok := s.byCode[p.Value]; ok {
					tie(j, int32(i))
				}
			}
		}
	}
}

// complete says whether a code that is not here does not exist.
func (s *CodeSystem) complete() bool { return s.Content == "complete" || s.Content == "" }

// find returns the index of a code, and whether it is written as defined.
func (s *CodeSystem) find(code string) (i int32, exact, ok bool) {
	if i, ok := s.byCode[code]; ok {
		return i, true, true
	}
	i, ok = s.folded[strings.ToLower(code)]
	return i, false, ok
}

// below says whether concept i is the ancestor or stands below it.
func (s *CodeSystem) below(i, ancestor int32) bool {
	if i == ancestor || s.parents == nil {
		return i == ancestor
	}
	// Most concepts have one parent: then there is only one way up.
	for steps := 0; len(s.parents[i]) == 1 && steps <= len(s.Concepts); steps++ {
		if i = s.parents[i][0]; i == ancestor {
			return true
		}
	}
	seen := map[int32]bool{}
	open := slices.Clone(s.parents[i])
	for len(open) > 0 {
		i, open = open[len(open)-1], open[:len(open)-1]
		if i == ancestor {
			return true
		}
		if !seen[i] {
			seen[i] = true
			open = append(open, s.parents[i]...)
		}
	}
	return false
}

// descendants are the concepts below i, without it, each once, parents before
// their children.
func (s *CodeSystem) descendants(i int32) []int32 { return reach(s.children, i) }

// ancestors are the concepts above i, without it, each once.
func (s *CodeSystem) ancestors(i int32) []int32 { return reach(s.parents, i) }

func reach(ties [][]int32, from int32) []int32 {
	if ties == nil {
		return nil
	}
	var out []int32
	seen := map[int32]bool{from: true}
	open := []int32{from}
	for len(open) > 0 {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		if i != from {
			out = append(out, i)
		}
		for _, next := range slices.Backward(ties[i]) {
			if !seen[next] {
				seen[next] = true
				open = append(open, next)
			}
		}
	}
	return out
}

func (s *CodeSystem) leaf(i int32) bool { return s.children == nil || len(s.children[i]) == 0 }

// values yields the values of a property of concept i, which may be named by
// its code or by what FHIR calls it.
func (s *CodeSystem) values(i int32, property string, do func(definitions.ConceptValue) bool) {
	for _, p := range s.Concepts[i].Properties {
		if (p.Code == property || s.names[p.Code] == property) && !do(p) {
			return
		}
	}
}

// value is the first value of a property, "" when there is none.
func (s *CodeSystem) value(i int32, property string) string {
	found := ""
	s.values(i, property, func(p definitions.ConceptValue) bool {
		found = p.Value
		return false
	})
	return found
}

// status is the status of a concept, from its property or from the extension
// on standards.
func (s *CodeSystem) status(i int32) string {
	if v := s.value(i, "status"); v != "" {
		return v
	}
	return extensionValue(s.Concepts[i].Extensions, standardsStatus)
}

// inactive says that a concept is not to be used any more.
func (s *CodeSystem) inactive(i int32) bool {
	if v := s.value(i, "inactive"); v != "" {
		return v == "true"
	}
	switch s.value(i, "status") {
	case "retired", "inactive":
		return true
	}
	return false
}

// abstract says that a concept only groups others.
func (s *CodeSystem) abstract(i int32) bool {
	return s.value(i, "notSelectable") == "true" || s.value(i, "abstract") == "true"
}

const standardsStatus = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"

func extensionValue(list []definitions.Extension, url string) string {
	for _, e := range list {
		if e.URL == url {
			return e.Value
		}
	}
	return ""
}

func canonical(url, version string) string {
	if version == "" {
		return url
	}
	return url + "|" + version
}

// subsumes compares two concepts.
func (s *CodeSystem) subsumes(a, b int32) string {
	switch {
	case a == b:
		return "equivalent"
	case s.below(b, a):
		return "subsumes"
	case s.below(a, b):
		return "subsumed-by"
	}
	return "not-subsumed"
}
