package records

import (
	"context"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// ofResult are the parameters of a search that say what its answer looks like.
var ofResult = []string{"_sort", "_count", "_include", "_revinclude", "_summary", "_total", "_elements", "_contained", "_containedType", "_score", "_graph", "_format", "_pretty"}

// CheckFilter says what is wrong with a search that is to be one of
// PortionRequest.Filters.
func (s *Session) CheckFilter(ctx context.Context, t fhir.Type, pairs []search.Pair) error {
	for _, p := range pairs {
		if name, _, _ := strings.Cut(p.Name, ":"); slices.Contains(ofResult, name) {
			return fault.New(fault.Invalid, fault.CodeNotSupported, "", "%s says what an answer looks like, and has no place in a filter: leave it out", fault.Shorten(p.Name))
		}
	}
	q, _, err := s.query(ctx, SearchRequest{Type: t, Pairs: pairs, Handling: HandlingStrict})
	if err != nil {
		return err
	}
	return s.door.fault(s.door.indexes.trust(ctx, func() []search.Param { return search.ParamsOf(q.Filter) }))
}

// CheckElements says what is wrong with PortionRequest.Elements of an export of some
// types: root elements, "name" or "Patient.name", which one of the types must have.
func (d *Door) CheckElements(types []fhir.Type, elements []string) error {
	for _, path := range elements {
		name, of := path, types
		if t, rest, ok := strings.Cut(path, "."); ok {
			name, of = rest, []fhir.Type{fhir.Type(t)}
			if strings.Contains(rest, ".") || d.ReleaseOf(of[0]) == "" {
				return fault.New(fault.Invalid, fault.CodeValue, "", "_elements=%s: only elements of a resource itself can be named, as name or Patient.name", fault.Shorten(path))
			}
		}
		var has []string
		if !slices.ContainsFunc(of, func(t fhir.Type) bool {
			typ := d.releaseOf("", t).defs.Type(string(t))
			if len(of) == 1 {
				has = elementNames(typ)
			}
			return typ != nil && typ.Element(name) != nil
		}) {
			if near := fault.Nearest(name, has); near != "" {
				return fault.New(fault.Invalid, fault.CodeValue, "", "_elements=%s: there is no such element. Did you mean %s?", fault.Shorten(path), near)
			}
			return fault.New(fault.Invalid, fault.CodeValue, "", "_elements=%s: no type of this export has such an element", fault.Shorten(path))
		}
	}
	return nil
}

func elementNames(t *definitions.Type) (names []string) {
	if t != nil {
		for _, e := range t.Elements {
			names = append(names, e.Name)
		}
	}
	return names
}

// elementsOf are those of some elements that concern a type; with none of them its
// resources are whole.
func elementsOf(t fhir.Type, elements []string) (own []string) {
	for _, path := range elements {
		if of, name, ok := strings.Cut(path, "."); !ok {
			own = append(own, path)
		} else if of == string(t) {
			own = append(own, name)
		}
	}
	return own
}

// PatientTypes are the types whose resources belong to Patients, by the Patient
// compartment of some release that is loaded: what an export of patients has, beside
// what that refers to.
func (d *Door) PatientTypes() (types []fhir.Type, err error) {
	for _, rel := range d.Releases() {
		record, err := d.release(rel.Release).catalog.Record(string(patientType), "")
		if err != nil {
			return nil, err
		}
		for _, t := range record.Types() {
			if !slices.Contains(types, fhir.Type(t)) {
				types = append(types, fhir.Type(t))
			}
		}
	}
	slices.Sort(types)
	return types, nil
}

// Exports says whether the session may export resources of a type at all.
func (s *Session) Exports(t fhir.Type) error { return s.may(t, seeing) }

// Types are the resource types of all releases that are loaded, sorted.
func (d *Door) Types() []fhir.Type {
	all := d.types()
	slices.Sort(all)
	return slices.Compact(all)
}
