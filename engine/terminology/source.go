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
	v, s, m, err := definitions.ParseTerminology(json)
	switch {
	case err != nil:
		return err
	case v != nil:
		r.valueSets = append(r.valueSets, NewValueSet(v))
	case s != nil:
		r.codeSystems = append(r.codeSystems, NewCodeSystem(s))
	case m != nil:
		r.conceptMaps = append(r.conceptMaps, NewConceptMap(m))
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
