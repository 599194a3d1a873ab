package access

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
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
	mu       sync.Mutex
	granular map[granularKey]granular
}

type granularKey struct{ typeName, query string }

// granular is a query of a scope, read.
type granular struct {
	x   search.Expr
	err error
}

// maxGranular bounds the queries that are remembered.
const maxGranular = 10_000

// NewOwnership makes the Ownership of a server from the catalogs of its
// releases, the primary one first.
func NewOwnership(catalogs ...*search.Catalog) *Ownership {
	o := &Ownership{catalogs: catalogs, granular: map[granularKey]granular{}}
	for _, c := range catalogs {
		o.types = append(o.types, c.Definitions().ResourceTypes()...)
	}
	slices.Sort(o.types)
	o.types = slices.Compact(o.types)
	return o
}

// Check says why a scope cannot be granted: its type is no resource type here,
// or its query cannot be understood.
func (o *Ownership) Check(s smart.Scope) error {
	if s.Type != smart.Any && !slices.Contains(o.types, s.Type) {
		return fmt.Errorf("scope %s: %s is not a resource type here", s, s.Type)
	}
	if s.Query == "" {
		return nil
	}
	typeName := s.Type
	if typeName == smart.Any {
		typeName = ""
	}
	if _, err := o.query(typeName, s.Query); err != nil {
		return fmt.Errorf("scope %s: %w", s, err)
	}
	return nil
}

// query reads the query of a scope as a search of a type, "" for every type. Its
// parameters are the type's own: neither chains nor _has, _list and _filter, nor
// what says how results are shown.
func (o *Ownership) query(typeName, query string) (search.Expr, error) {
	key := granularKey{typeName, query}
	o.mu.Lock()
	g, ok := o.granular[key]
	o.mu.Unlock()
	if ok {
		return g.x, g.err
	}
	g.x, g.err = o.read(typeName, query)
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.granular) < maxGranular {
		o.granular[key] = g
	}
	return g.x, g.err
}

func (o *Ownership) read(typeName, query string) (search.Expr, error) {
	var pairs []search.Pair
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, badName := url.QueryUnescape(name)
		value, badValue := url.QueryUnescape(value)
		if err := errors.Join(badName, badValue); err != nil {
			return nil, err
		}
		pairs = append(pairs, search.Pair{Name: name, Value: value})
	}
	err := errors.New("no release here has the type")
	for _, c := range o.of(typeName) {
		if err = check(c, typeName, pairs); err != nil {
			continue
		}
		var q *search.Query
		if q, err = c.Parse(typeName, pairs, search.ParseOptions{}); err == nil {
			return q.Filter, nil
		}
	}
	return nil, err
}

// check refuses parameters that a scope cannot have.
func check(c *search.Catalog, typeName string, pairs []search.Pair) error {
	for _, pair := range pairs {
		code, _, _ := strings.Cut(pair.Name, ":")
		p, ok := c.Param(typeName, code)
		if !ok || strings.Contains(pair.Name, ".") {
			return fmt.Errorf("%q is not a parameter that a scope can have: it takes search parameters of the type, without chains", pair.Name)
		}
		// It would depend on the time of each request.
		if p.Kind == definitions.SearchDate && (strings.HasPrefix(pair.Value, "ap") || strings.Contains(pair.Value, ",ap")) {
			return fmt.Errorf("%s=%s: a scope cannot say ap, which depends on when it is asked", pair.Name, pair.Value)
		}
	}
	return nil
}

// of are the catalogs that have a type, "" being every type.
func (o *Ownership) of(typeName string) []*search.Catalog {
	var some []*search.Catalog
	for _, c := range o.catalogs {
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
