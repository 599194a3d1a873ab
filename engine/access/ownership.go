package access

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
)

// Ownership is who owns resources, in the terms of the search parameters of
// some releases. It is safe for concurrent use.
type Ownership struct {
	catalogs []*search.Catalog
	types    []string // of all catalogs, sorted
	owned    []string // of those, what patients own, but for Patient
	current  func() []*search.Catalog

	mu    sync.Mutex
	known *dictionary
}

// NewOwnership makes the Ownership of a server from the catalogs of its
// releases, the primary one first. The queries of scopes are read with the catalogs
// that current returns, which may change: they may have further search parameters,
// which say nothing of ownership. With nil they are the same.
func NewOwnership(catalogs []*search.Catalog, current func() []*search.Catalog) *Ownership {
	if current == nil {
		current = func() []*search.Catalog { return catalogs }
	}
	o := &Ownership{catalogs: catalogs, current: current}
	for _, c := range catalogs {
		o.types = append(o.types, c.Definitions().ResourceTypes()...)
	}
	slices.Sort(o.types)
	o.types = slices.Compact(o.types)
	for _, t := range o.types {
		if classes[t] == owned && t != patientType {
			o.owned = append(o.owned, t)
		}
	}
	o.owned = slices.Clip(o.owned)
	return o
}

// dictionary is how the queries of scopes are read now.
func (o *Ownership) dictionary() *dictionary {
	now := o.current()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || !slices.Equal(o.known.catalogs, now) {
		o.known = &dictionary{catalogs: now, granular: map[granularKey]granular{}}
	}
	return o.known
}

// Check says why a scope cannot be granted: its type is no resource type here,
// or its query cannot be understood.
func (o *Ownership) Check(s smart.Scope) error {
	_, err := o.Restriction(s)
	return err
}

// Restriction is what the query of a scope asks of resources, nil without one. The
// error is that of Check.
func (o *Ownership) Restriction(s smart.Scope) (search.Expr, error) {
	if s.Type != smart.Any && !slices.Contains(o.types, s.Type) {
		return nil, fmt.Errorf("scope %s: %s is not a resource type here", s, s.Type)
	}
	if s.Query == "" {
		return nil, nil
	}
	typeName := s.Type
	if typeName == smart.Any {
		typeName = ""
	}
	x, err := o.dictionary().query(typeName, s.Query)
	if err != nil {
		return nil, fmt.Errorf("scope %s: %w", s, err)
	}
	return x, nil
}

// of are the catalogs that have a type.
func (o *Ownership) of(typeName string) []*search.Catalog { return having(o.catalogs, typeName) }

// having are the catalogs that have a type, "" being every type.
func having(catalogs []*search.Catalog, typeName string) []*search.Catalog {
	var some []*search.Catalog
	for _, c := range catalogs {
		if typeName == "" || c.Definitions().IsResource(typeName) {
			some = append(some, c)
		}
	}
	return some
}

// Owner holds of the resources of a type that a patient owns.
func (o *Ownership) Owner(typeName, patient string) search.Expr { return o.owner(typeName, patient) }

// owner holds of the resources of a type that a patient owns.
func (o *Ownership) owner(typeName, patient string) search.Expr {
	if typeName == "Patient" {
		return search.IDs{patient}
	}
	var any search.Or
	for _, p := range o.params(typeName, ownerCodes(typeName)) {
		any = append(any, search.Reference{Param: p, Type: "Patient", ID: patient})
	}
	if len(any) == 1 {
		return any[0]
	}
	return any
}

// unowned holds of what could have an owner and names none, and of all that could
// not: so it is the same for all types.
func (o *Ownership) unowned() search.And {
	var all search.And
	for _, t := range slices.Sorted(maps.Keys(ownerless)) {
		for _, p := range o.params(t, ownerless[t]) {
			all = append(all, search.Missing{Param: p, Want: true})
		}
	}
	return all
}

// params are the parameters of a type by the first of codes that each release
// has.
func (o *Ownership) params(typeName string, codes []string) []search.Param {
	var all []search.Param
	for _, c := range o.of(typeName) {
		for _, code := range codes {
			p, ok := c.Param(typeName, code)
			if code == search.OtherReference {
				p, ok = search.OtherReferenceOf(typeName), true
			}
			if !ok || p.Kind != definitions.SearchReference {
				continue
			}
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
			break
		}
	}
	return all
}
