package terminology

import (
	"context"
	"sync"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Catalog compiles the value sets, code systems and concept maps of one
// Definitions when they are first asked for. It is safe for concurrent use, and
// a Source.
type Catalog struct {
	definitions *definitions.Definitions
	sets        sync.Map // canonical -> *Set, nil for an unknown one
	ready       sync.Map // *definitions.CodeSystem -> *CodeSystem, and so on
}

// New makes a catalog of d.
func New(d *definitions.Definitions) *Catalog { return &Catalog{definitions: d} }

// Definitions are those of the catalog.
func (c *Catalog) Definitions() *definitions.Definitions { return c.definitions }

// Any is true.
func (c *Catalog) Any(context.Context) (bool, error) { return true, nil }

// CodeSystems gives the versions of a code system, the one loaded last first.
func (c *Catalog) CodeSystems(_ context.Context, url string) ([]*CodeSystem, error) {
	return readied(c, c.definitions.CodeSystemVersions(url), NewCodeSystem), nil
}

// ValueSets gives the versions of a value set, the one loaded last first.
func (c *Catalog) ValueSets(_ context.Context, url string) ([]*ValueSet, error) {
	return readied(c, c.definitions.ValueSetVersions(url), NewValueSet), nil
}

// ConceptMaps gives the versions of a concept map, the one loaded last first,
// or all concept maps when url is "".
func (c *Catalog) ConceptMaps(_ context.Context, url string) ([]*ConceptMap, error) {
	urls := []string{url}
	if url == "" {
		urls = c.definitions.ConceptMaps()
	}
	var out []*ConceptMap
	for _, url := range urls {
		out = append(out, readied(c, c.definitions.ConceptMapVersions(url), NewConceptMap)...)
	}
	return out, nil
}

// readied makes each of a list once.
func readied[D any, R any](c *Catalog, list []*D, ready func(*D) *R) []*R {
	out := make([]*R, len(list))
	for i, d := range list {
		made, ok := c.ready.Load(d)
		if !ok {
			made, _ = c.ready.LoadOrStore(d, ready(d))
		}
		out[i] = made.(*R)
	}
	return out
}

// system returns a code system whose concepts are at hand, or nil.
func (c *Catalog) system(canonical string) *CodeSystem {
	d := c.definitions.CodeSystem(canonical)
	if d == nil || len(d.Concepts) == 0 || d.Content == "supplement" {
		return nil
	}
	return readied(c, []*definitions.CodeSystem{d}, NewCodeSystem)[0]
}

// Subsumes compares two codes of a system: "equivalent", "subsumes",
// "subsumed-by" or "not-subsumed"; "" when the system or a code is not known.
func (c *Catalog) Subsumes(systemURL, a, b string) string {
	s := c.system(systemURL)
	if s == nil {
		return ""
	}
	i, _, okA := s.find(a)
	j, _, okB := s.find(b)
	if !okA || !okB {
		return ""
	}
	return s.subsumes(i, j)
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
	if _, _, ok := s.find(code); ok {
		return Yes
	}
	if !s.complete() {
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
