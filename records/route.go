package records

import (
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// route is what the URL of a bundle entry means (R4 §3.1.0).
type route struct {
	kind    routeKind
	typ     fhir.Type
	id      fhir.ID
	version string
	within  *fhir.Key // compartment of a search
	pairs   []search.Pair
	query   bool // has a question mark
}

type routeKind uint8

const (
	routeSystem    routeKind = iota // "" and "?...": system search
	routeType                       // Patient, Patient?..., Patient/_search
	routeInstance                   // Patient/1
	routeVersion                    // Patient/1/_history/2
	routeHistory                    // _history, Patient/_history, Patient/1/_history
	routeWithin                     // Patient/1/Observation?..., Patient/1/*
	routeOperation                  // $..., Patient/$..., Patient/1/$..., metadata
)

func (r route) key() fhir.Key { return fhir.Key{Type: r.typ, ID: r.id} }

// route reads the URL of an entry, relative or below the server's base.
func (d *Door) route(rel *release, raw string) (route, error) {
	bad := func(why string) (route, error) {
		return route{}, fault.New(fault.Invalid, fault.CodeValue, "", "%q %s", raw, why)
	}
	text := raw
	if rest, ok := strings.CutPrefix(text, d.base); ok && d.base != "" {
		text = rest
	} else if strings.Contains(strings.SplitN(text, "?", 2)[0], "://") {
		return bad("is not a URL of this server: write it relative, such as Patient/1")
	}
	path, query, hasQuery := strings.Cut(strings.TrimPrefix(text, "/"), "?")
	r := route{query: hasQuery}
	var err error
	if r.pairs, err = parsePairs(query); err != nil {
		return bad("has a query that cannot be read")
	}
	var segs []string
	if path = strings.TrimSuffix(path, "/"); path != "" {
		segs = strings.Split(path, "/")
	}
	if slices.ContainsFunc(segs, func(s string) bool { return strings.HasPrefix(s, "$") }) || path == "metadata" {
		r.kind = routeOperation
		return r, nil
	}
	// The Bundle decides the form of its answer.
	r.pairs = slices.DeleteFunc(r.pairs, func(p search.Pair) bool { return p.Name == "_format" || p.Name == "_pretty" })
	if len(segs) == 0 || path == "_search" {
		return r, nil
	}
	if path == "_history" {
		r.kind = routeHistory
		return r, nil
	}
	if !rel.defs.IsResource(segs[0]) {
		return bad("does not begin with a resource type of FHIR " + string(rel.defs.Release))
	}
	r.typ, r.kind = fhir.Type(segs[0]), routeType
	if len(segs) == 1 || len(segs) == 2 && segs[1] == "_search" {
		return r, nil
	}
	if segs[1] == "_history" && len(segs) == 2 {
		r.kind = routeHistory
		return r, nil
	}
	if r.id = fhir.ID(segs[1]); !r.id.Valid() {
		return bad("has no valid id: 1 to 64 letters, digits, - and .")
	}
	switch {
	case len(segs) == 2:
		r.kind = routeInstance
	case len(segs) == 3 && segs[2] == "_history":
		r.kind = routeHistory
	case len(segs) == 4 && segs[2] == "_history":
		r.kind, r.version = routeVersion, segs[3]
	case len(segs) == 3 && (segs[2] == "*" || rel.defs.IsResource(segs[2])):
		key := r.key()
		r.kind, r.within, r.id = routeWithin, &key, ""
		if r.typ = fhir.Type(segs[2]); segs[2] == "*" {
			r.typ = ""
		}
	default:
		return bad("is not a URL that a bundle entry can have")
	}
	return r, nil
}

// parsePairs decodes a query and keeps its order.
func parsePairs(query string) ([]search.Pair, error) {
	var pairs []search.Pair
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, err := url.QueryUnescape(name)
		if err != nil {
			return nil, err
		}
		v, err := url.QueryUnescape(value)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, search.Pair{Name: n, Value: v})
	}
	return pairs, nil
}

// CheckCriteria refuses criteria of a conditional create that name another type than
// that of the resource: nothing else is looked for.
func CheckCriteria(t fhir.Type, criteria string) error {
	path, _, ok := strings.Cut(criteria, "?")
	if typ := path[strings.LastIndexByte(path, '/')+1:]; ok && typ != "" && typ != string(t) {
		return fault.New(fault.Invalid, fault.CodeValue, "", "the criteria are of %s, but what they are to find is a %s", fault.Shorten(typ), t)
	}
	return nil
}

// ParseCriteria reads the value of If-None-Exist: a query, perhaps with a
// question mark or a type before it.
func ParseCriteria(criteria string) ([]search.Pair, error) {
	if _, query, ok := strings.Cut(criteria, "?"); ok {
		criteria = query
	}
	pairs, err := parsePairs(criteria)
	if err != nil {
		return nil, fault.New(fault.Invalid, fault.CodeValue, "", "the criteria %q cannot be read: write a query such as identifier=system|value", criteria)
	}
	if pairs == nil {
		pairs = []search.Pair{}
	}
	return pairs, nil
}
