package access

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inglehealth/ingle/engine/search"
)

// dictionary is how the queries of scopes are read with the search parameters of some
// catalogs. It is safe for concurrent use.
type dictionary struct {
	catalogs []*search.Catalog
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

// query reads the query of a scope as a search of a type, "" for every type. Its
// parameters are the type's own: neither chains nor _has, _list and _filter, nor
// what says how results are shown.
func (r *dictionary) query(typeName, query string) (search.Expr, error) {
	key := granularKey{typeName, query}
	r.mu.Lock()
	g, ok := r.granular[key]
	r.mu.Unlock()
	if ok {
		return g.x, g.err
	}
	g.x, g.err = r.read(typeName, query)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.granular) < maxGranular {
		r.granular[key] = g
	}
	return g.x, g.err
}

// read takes the first release that understands the query. What asks for something
// that is missing all have to understand: whatever is of another release would have
// nothing of the kind.
func (r *dictionary) read(typeName, query string) (search.Expr, error) {
	pairs, err := pairsOf(query)
	if err != nil {
		return nil, err
	}
	var x search.Expr
	failed := errors.New("no release here has the type")
	some := having(r.catalogs, typeName)
	understood := 0
	for _, c := range some {
		one, err := parse(c, typeName, pairs)
		if err != nil {
			failed = fmt.Errorf("in %s: %w", c.Definitions().Release, err)
			continue
		}
		if understood++; x == nil {
			x = one
		}
	}
	if x == nil || understood < len(some) && lacking(x) {
		return nil, failed
	}
	return x, nil
}

func pairsOf(query string) (pairs []search.Pair, err error) {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, badName := url.QueryUnescape(name)
		value, badValue := url.QueryUnescape(value)
		if err := errors.Join(badName, badValue); err != nil {
			return nil, err
		}
		pairs = append(pairs, search.Pair{Name: name, Value: value})
	}
	return pairs, nil
}

// parse refuses what a scope cannot ask: what is not of the resource alone, and what
// depends on the time of each request.
func parse(c *search.Catalog, typeName string, pairs []search.Pair) (search.Expr, error) {
	for _, pair := range pairs {
		code, _, _ := strings.Cut(pair.Name, ":")
		if _, ok := c.Param(typeName, code); !ok || strings.Contains(pair.Name, ".") {
			return nil, fmt.Errorf("%q is not a parameter that a scope can have: it takes search parameters of the type, without chains", pair.Name)
		}
	}
	q, err := c.Parse(typeName, pairs, search.ParseOptions{Now: time.Unix(0, 0)})
	if err != nil {
		return nil, err
	}
	later, err := c.Parse(typeName, pairs, search.ParseOptions{Now: time.Unix(1<<40, 0)})
	if err == nil && !reflect.DeepEqual(q.Filter, later.Filter) {
		err = errors.New("a scope cannot say ap of a date, which depends on when it is asked")
	}
	return q.Filter, err
}

// lacking says whether x asks for something that a resource does not have.
func lacking(x search.Expr) bool {
	switch x := x.(type) {
	case search.And:
		return slices.ContainsFunc(x, lacking)
	case search.Or:
		return slices.ContainsFunc(x, lacking)
	case search.Missing:
		return x.Want
	case search.Not:
		return true
	}
	return false
}
