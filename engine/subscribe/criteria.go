package subscribe

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
)

// Criteria are the changes that one subscription is about, compiled. They are
// immutable.
type Criteria struct {
	rules []rule
}

// rule is one kind of change.
type rule struct {
	resource string // "" for every type but Unwatched
	on       Interactions
	query    *query
	path     *fhirpath.Expression
	filter   search.Expr // on the resource as it is, or as it was when it is deleted
}

// query is a Query, compiled; previous and current are asked if they are set.
type query struct {
	Query
	previous, current search.Expr
}

// Unwatched is the type that nobody subscribes to: the server writes Subscriptions
// itself, and what it writes because of an event must not be one.
const Unwatched = "Subscription"

// Plain compiles R4's own criteria, "Observation?code=85354-9": whatever is created or
// updated and then is found by that search (R4 §2.46.4).
func Plain(criteria string, catalogs []*search.Catalog) (*Criteria, error) {
	c := compiler{catalogs}
	resource, text, _ := strings.Cut(criteria, "?")
	if resource == "" {
		return nil, fault.New(fault.Unprocessable, fault.CodeRequired, "Subscription.criteria", "criteria begin with a resource type, as in Observation?code=85354-9; or they are the canonical URL of a topic")
	}
	x, err := c.search(resource, text)
	if err != nil {
		return nil, err
	}
	return &Criteria{rules: []rule{{resource: resource, on: Create | Update, filter: x}}}, nil
}

// Compile makes the criteria of a topic with a subscriber's filters, which look like
// "Encounter?patient=Patient/123", of which all that name a type have to hold of
// resources of that type. What cannot be matched is refused with the reason.
func (t *Topic) Compile(filters []string, catalogs []*search.Catalog) (*Criteria, error) {
	c := compiler{catalogs}
	var out Criteria
	for _, one := range t.Triggers {
		r := rule{resource: one.Resource, on: one.On}
		var err error
		if one.Query != nil {
			if r.query, err = c.query(one); err != nil {
				return nil, err
			}
		}
		if one.FHIRPath != "" {
			if r.path, err = fhirpath.Compile(one.FHIRPath); err != nil {
				return nil, fault.New(fault.Unprocessable, fault.CodeInvalid, "SubscriptionTopic.resourceTrigger.fhirPathCriteria", "%v", err)
			}
		}
		out.rules = append(out.rules, r)
	}
	for _, f := range filters {
		if err := t.filter(&out, f, c); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// filter narrows the rules that a filter is about.
func (t *Topic) filter(out *Criteria, text string, c compiler) error {
	resource, query, ok := strings.Cut(text, "?")
	if !ok || query == "" {
		return refuseFilter(text, "it looks like Encounter?patient=Patient/123")
	}
	concerned := false
	for i := range out.rules {
		r := &out.rules[i]
		if r.resource != "" && r.resource != resource && resource != "" {
			continue
		}
		concerned = true
		about := r.resource
		if about == "" {
			about = resource
		}
		if err := t.admits(about, query, text); err != nil {
			return err
		}
		x, err := c.filter(about, query)
		if err != nil {
			return err
		}
		if r.resource == "" && resource != "" { // of every type, only this one is narrowed
			x = search.Or{search.Not{X: search.TypeIs{resource}}, x}
		}
		r.filter = both(r.filter, x)
	}
	if !concerned {
		return refuseFilter(text, "the topic %s has no events of %s; of %s it has", t.URL, resource, strings.Join(t.Types(), ", "))
	}
	return nil
}

// admits refuses what the topic does not let subscribers filter by.
func (t *Topic) admits(resource, query, text string) error {
	pairs, err := pairsOf(query)
	if err != nil {
		return refuseFilter(text, "%v", err)
	}
	for _, p := range pairs {
		code, modifier, _ := strings.Cut(p.Name, ":")
		at := slices.IndexFunc(t.Filters, func(f Filter) bool {
			return f.Parameter == code && (f.Resource == "" || f.Resource == resource)
		})
		if at < 0 {
			var can []string
			for _, f := range t.Filters {
				can = append(can, f.Parameter)
			}
			return refuseFilter(text, "the topic %s cannot be filtered by %s of %s; it can by %s", t.URL, code, resource, strings.Join(can, ", "))
		}
		if allowed := t.Filters[at].Modifiers; modifier != "" && len(allowed) > 0 && !slices.Contains(allowed, modifier) {
			return refuseFilter(text, "the topic %s allows %s of %s, and not %s", t.URL, strings.Join(allowed, ", "), code, modifier)
		}
	}
	return nil
}

func refuseFilter(text, format string, args ...any) error {
	return fault.New(fault.Unprocessable, fault.CodeNotSupported, "Subscription.criteria", "the filter %q: "+format, append([]any{fault.Shorten(text)}, args...)...)
}

// both joins two expressions, nil being true.
func both(a, b search.Expr) search.Expr {
	if a == nil {
		return b
	}
	return search.And{a, b}
}

// compiler reads searches by the first release that understands them.
type compiler struct{ catalogs []*search.Catalog }

func (c compiler) query(t Trigger) (*query, error) {
	q := &query{Query: *t.Query}
	for _, one := range []struct {
		text string
		to   *search.Expr
	}{{q.Previous, &q.previous}, {q.Current, &q.current}} {
		if one.text == "" {
			continue
		}
		x, err := c.search(t.Resource, one.text)
		if err != nil {
			return nil, err
		}
		*one.to = both(nil, x)
		if x == nil {
			*one.to = search.And{}
		}
	}
	return q, nil
}

// filter is search over a type or, for "", over all types that have the parameters. A
// Patient is its own patient.
func (c compiler) filter(resource, text string) (search.Expr, error) {
	if resource != "" {
		return c.search(resource, text)
	}
	var any search.Or
	var failed error
	seen := map[string]bool{}
	for _, catalog := range c.catalogs {
		for _, t := range catalog.Definitions().ResourceTypes() {
			if seen[t] || t == Unwatched {
				continue
			}
			x, err := c.search(t, text)
			if err != nil {
				failed = err
				continue
			}
			seen[t] = true
			any = append(any, both(search.TypeIs{t}, x))
			if own, ok := x.(search.Reference); ok && own.Param.Code == "patient" && !seen["Patient"] {
				seen["Patient"] = true
				any = append(any, search.And{search.TypeIs{"Patient"}, search.IDs{own.ID}})
			}
		}
	}
	if len(any) == 0 {
		return nil, failed
	}
	return any, nil
}

// search reads a query about the resource alone; nil holds of all.
func (c compiler) search(resource, text string) (search.Expr, error) {
	if resource == Unwatched {
		return nil, fault.New(fault.Unprocessable, fault.CodeNotSupported, "Subscription.criteria", "nobody can subscribe to Subscriptions, which the server itself writes: ask Subscription/$status instead")
	}
	pairs, err := pairsOf(text)
	if err != nil {
		return nil, fault.New(fault.Unprocessable, fault.CodeInvalid, "Subscription.criteria", "%q is no search: %v", fault.Shorten(text), err)
	}
	failed := error(fault.New(fault.Unprocessable, fault.CodeNotSupported, "Subscription.criteria", "%q is not a resource type here: criteria look like Observation?code=85354-9", fault.Shorten(resource)))
	for _, catalog := range c.catalogs {
		if resource != "" && !catalog.Definitions().IsResource(resource) {
			continue
		}
		x, err := parse(catalog, resource, pairs)
		if err == nil {
			return x, nil
		}
		failed = fault.New(fault.Unprocessable, fault.CodeNotSupported, "Subscription.criteria", "%s?%s cannot be matched with changes: %v", resource, fault.Shorten(text), err)
	}
	return nil, failed
}

func pairsOf(query string) (pairs []search.Pair, err error) {
	if query == "" {
		return nil, nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, err = url.QueryUnescape(name); err != nil {
			return nil, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, err
		}
		pairs = append(pairs, search.Pair{Name: name, Value: value})
	}
	return pairs, nil
}

// parse refuses what a change does not tell: what asks of other resources, and what
// depends on when it is asked.
func parse(c *search.Catalog, resource string, pairs []search.Pair) (search.Expr, error) {
	for _, pair := range pairs {
		code, modifier, _ := strings.Cut(pair.Name, ":")
		switch {
		case modifier == "in" || modifier == "not-in":
			return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "%q depends on a value set, which may change without the resource: list its codes, joined by commas", pair.Name)
		case strings.Contains(pair.Name, ".") || code == "_has":
			return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "%q asks of other resources, which may change without this one: subscribe to those, or ask of the resource's own elements", pair.Name)
		case code == "_list" || code == "_in":
			return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "%q depends on lists and groups, which change without the resource", pair.Name)
		}
		if _, ok := c.Param(resource, code); !ok {
			if _, err := c.Parse(resource, []search.Pair{pair}, search.ParseOptions{}); err != nil {
				return nil, err
			}
			return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "%q says how results are shown, and not what a resource is", pair.Name)
		}
	}
	q, err := c.Parse(resource, pairs, search.ParseOptions{Now: time.Unix(0, 0)})
	if err != nil {
		return nil, err
	}
	later, err := c.Parse(resource, pairs, search.ParseOptions{Now: time.Unix(1<<40, 0)})
	if err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(q.Filter, later.Filter) {
		return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "prefix ap of a date depends on when it is asked: give the dates with ge and le")
	}
	return q.Filter, alone(q.Filter)
}

// alone refuses an expression that asks for more than the resource.
func alone(x search.Expr) error {
	switch x := x.(type) {
	case search.And:
		return each(x)
	case search.Or:
		return each(x)
	case search.Not:
		return alone(x.X)
	case search.Chain, search.Has, search.Referred, search.Beside, search.Within, search.Governed, search.Standing:
		return fault.New(fault.Invalid, fault.CodeNotSupported, "", "modifiers :above and :below of references follow other resources, which may change without this one")
	}
	return nil
}

func each(all []search.Expr) error {
	for _, x := range all {
		if err := alone(x); err != nil {
			return err
		}
	}
	return nil
}

// Types are the resource types of which there are events; none: all.
func (c *Criteria) Types() (types []string) {
	for _, r := range c.rules {
		if r.resource == "" {
			return nil
		}
		types = append(types, r.resource)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// Params are the search parameters that the subscriber, and the topic, ask by.
func (c *Criteria) Params() (params []search.Param) {
	for _, r := range c.rules {
		params = append(params, search.ParamsOf(r.filter)...)
		if r.query != nil {
			params = append(params, search.ParamsOf(r.query.previous)...)
			params = append(params, search.ParamsOf(r.query.current)...)
		}
	}
	return params
}

// Evaluated are the types, "" for all, of whose resources an expression of the topic decides,
// which may look at any element.
func (c *Criteria) Evaluated() (types []string) {
	for _, r := range c.rules {
		if r.path != nil {
			types = append(types, r.resource)
		}
	}
	return types
}
