package terminology

import "github.com/inglehealth/ingle/spec/definitions"

// ConceptMap is a concept map made ready for questions. It is immutable.
type ConceptMap struct {
	*definitions.ConceptMap
	bySource []map[string]int // of each group: place of the code in Elements
}

// NewConceptMap makes a concept map ready. The definition must not be changed
// afterwards.
func NewConceptMap(m *definitions.ConceptMap) *ConceptMap {
	out := &ConceptMap{ConceptMap: m, bySource: make([]map[string]int, len(m.Groups))}
	for g := range m.Groups {
		out.bySource[g] = make(map[string]int, len(m.Groups[g].Elements))
		for i := range m.Groups[g].Elements {
			out.bySource[g][m.Groups[g].Elements[i].Code] = i
		}
	}
	return out
}
