package terminology

import (
	"context"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Source gives the value sets, code systems and concept maps that are known
// beside those of the packages, such as stored ones. It shows only what the
// caller may see. Each method gives every version, in no particular order, and
// nothing when there is none. The results are shared and must not be changed.
type Source interface {
	// Any says whether there may be anything at all; if not, no more is asked.
	Any(ctx context.Context) (bool, error)
	ValueSets(ctx context.Context, url string) ([]*ValueSet, error)
	CodeSystems(ctx context.Context, url string) ([]*CodeSystem, error)
	// ConceptMaps gives the maps with a URL, or all when url is "".
	ConceptMaps(ctx context.Context, url string) ([]*ConceptMap, error)
}

// Resource is a value set, code system or concept map made ready for
// questions; the others are nil.
type Resource struct {
	ValueSet   *ValueSet
	CodeSystem *CodeSystem
	ConceptMap *ConceptMap
}

// ParseResource makes a resource ready that is given as JSON of any release
// since R4, and known to be valid. It is zero for one of another type.
func ParseResource(json []byte) (Resource, error) {
	v, s, m, err := definitions.ParseTerminology(json)
	switch {
	case err != nil:
		return Resource{}, err
	case v != nil:
		return Resource{ValueSet: NewValueSet(v)}, nil
	case s != nil:
		return Resource{CodeSystem: NewCodeSystem(s)}, nil
	case m != nil:
		return Resource{ConceptMap: NewConceptMap(m)}, nil
	}
	return Resource{}, nil
}

// Resources is a Source of resources that came with a request. The zero value
// is an empty one.
type Resources struct {
	valueSets   []*ValueSet
	codeSystems []*CodeSystem
	conceptMaps []*ConceptMap
}

// Add takes a ValueSet, CodeSystem or ConceptMap, as JSON that is known to be
// valid; other resources are passed over.
func (r *Resources) Add(json []byte) error {
	one, err := ParseResource(json)
	switch {
	case err != nil:
		return err
	case one.ValueSet != nil:
		r.valueSets = append(r.valueSets, one.ValueSet)
	case one.CodeSystem != nil:
		r.codeSystems = append(r.codeSystems, one.CodeSystem)
	case one.ConceptMap != nil:
		r.conceptMaps = append(r.conceptMaps, one.ConceptMap)
	}
	return nil
}

// Any says whether there is anything.
func (r *Resources) Any(context.Context) (bool, error) {
	return len(r.valueSets)+len(r.codeSystems)+len(r.conceptMaps) > 0, nil
}

// ValueSets gives those with a URL.
func (r *Resources) ValueSets(_ context.Context, url string) ([]*ValueSet, error) {
	return withURL(r.valueSets, url, func(v *ValueSet) string { return v.URL }), nil
}

// CodeSystems gives those with a URL.
func (r *Resources) CodeSystems(_ context.Context, url string) ([]*CodeSystem, error) {
	return withURL(r.codeSystems, url, func(s *CodeSystem) string { return s.URL }), nil
}

// ConceptMaps gives those with a URL, or all.
func (r *Resources) ConceptMaps(_ context.Context, url string) ([]*ConceptMap, error) {
	if url == "" {
		return r.conceptMaps, nil
	}
	return withURL(r.conceptMaps, url, func(m *ConceptMap) string { return m.URL }), nil
}

func withURL[T any](list []T, url string, of func(T) string) []T {
	var out []T
	for _, v := range list {
		if of(v) == url {
			out = append(out, v)
		}
	}
	return out
}
