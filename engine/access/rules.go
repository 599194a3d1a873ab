package access

import (
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// Grant is what a token carries.
type Grant struct {
	Scopes  smart.Scopes
	Patient string   // id of the patient in context; "" for none
	User    fhir.Key // the user's own resource; zero for none
	// Context are further resources that the launch context names.
	Context []fhir.Key
}

// Rules are what a Grant allows. They may be kept as long as the grant stays the
// same, and are safe for concurrent use.
type Rules struct {
	o       *Ownership
	patient string
	scopes  []smart.Scope
	own     fhir.Key // that may be read in any case
	known   []fhir.Key

	mu   sync.Mutex
	made *ruling
}

// ruling is what rules come to with one reading of their scopes' queries.
type ruling struct {
	*Rules
	reading *reading
	visible func() search.Expr // holds of what the patient owns and the scopes show
	pointed func() search.And  // holds of what names no owner and something visible refers to
	mu      sync.Mutex
	filters map[filterKey]search.Expr
}

type filterKey struct {
	types        string // joined by commas
	interactions smart.Interactions
}

// maxFilters bounds the filters that are remembered.
const maxFilters = 500

// Rules makes the Rules of a grant. Scopes of level patient count only with a
// patient in context. Those of level user and system are bound to no compartment;
// role and consent narrow them here, too, once there are such.
func (o *Ownership) Rules(g Grant) *Rules {
	r := &Rules{o: o, patient: g.Patient}
	r.known = append(r.known, g.Context...)
	if r.known = append(r.known, g.User); g.Patient != "" {
		r.known = append(r.known, fhir.Key{Type: "Patient", ID: fhir.ID(g.Patient)})
	}
	for _, s := range g.Scopes.Resources() {
		if s.Level != smart.Patient || g.Patient != "" {
			r.scopes = append(r.scopes, s)
		}
	}
	if g.Scopes.Has(smart.FHIRUser) || g.Scopes.Has(smart.Profile) {
		r.own = g.User
	}
	return r
}

// ruling is that of the reading that holds now.
func (r *Rules) ruling() *ruling {
	now := r.o.reading()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made == nil || r.made.reading != now {
		made := &ruling{Rules: r, reading: now, filters: map[filterKey]search.Expr{}}
		made.visible, made.pointed = sync.OnceValue(made.findVisible), sync.OnceValue(made.findPointed)
		r.made = made
	}
	return r.made
}

// May says whether a scope allows one of the interactions with resources of a
// type, be it with some of them only.
func (r *Rules) May(t fhir.Type, i smart.Interactions) bool {
	if i&smart.Read != 0 && t == r.own.Type && t != "" {
		return true
	}
	return slices.ContainsFunc(r.scopes, func(s smart.Scope) bool { return applies(s, string(t), i) })
}

func applies(s smart.Scope, typeName string, i smart.Interactions) bool {
	return s.Interactions&i != 0 && (s.Type == smart.Any || s.Type == typeName)
}

// Knows says whether the grant itself names a resource: the patient, the user, or
// another one in context.
func (r *Rules) Knows(key fhir.Key) bool { return slices.Contains(r.known, key) }

// Filter holds of the resources of some types (none: of every type) with which
// one of the interactions is allowed; nil: of all of them.
func (r *Rules) Filter(types []string, i smart.Interactions) search.Expr {
	return r.ruling().filter(types, i)
}

func (r *ruling) filter(types []string, i smart.Interactions) search.Expr {
	key := filterKey{strings.Join(types, ","), i}
	r.mu.Lock()
	x, ok := r.filters[key]
	r.mu.Unlock()
	if ok {
		return x
	}
	switch len(types) {
	case 0:
		x = r.o.join(r.o.types, func(t string) search.Expr { return r.of(t, i) })
	case 1:
		x = r.of(types[0], i)
	default:
		x = r.o.join(types, func(t string) search.Expr { return r.of(t, i) })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.filters) < maxFilters {
		r.filters[key] = x
	}
	return x
}

// of is the filter of one type. Scopes add to each other, each with its own
// interactions and restriction.
func (r *ruling) of(typeName string, i smart.Interactions) search.Expr {
	var any, mine search.Or
	whole := false
	for _, s := range r.scopes {
		if !applies(s, typeName, i) {
			continue
		}
		var x search.Expr
		if s.Query != "" {
			var err error
			if x, err = r.reading.query(typeName, s.Query); err != nil {
				continue // it was refused when it was asked for; what got here allows nothing
			}
		}
		switch {
		case s.Level == smart.Patient && x == nil:
			whole = true
		case s.Level == smart.Patient:
			mine = append(mine, x)
		case x == nil:
			return nil
		default:
			any = append(any, x)
		}
	}
	if whole || len(mine) > 0 {
		x := r.reach(typeName, i)
		if !whole {
			x = both(x, either(mine))
		}
		if x == nil {
			return nil
		}
		any = append(any, x)
	}
	if i&smart.Read != 0 && typeName == string(r.own.Type) {
		any = append(any, search.IDs{string(r.own.ID)})
	}
	return either(any)
}

// reach holds of what scopes of level patient reach; nil: of all resources of
// the type.
func (r *ruling) reach(typeName string, i smart.Interactions) search.Expr {
	c := classes[typeName]
	if i&(smart.Create|smart.Update|smart.Delete) != 0 {
		if c != owned {
			return search.Or{}
		}
		return r.o.owner(typeName, r.patient)
	}
	switch c {
	case owned:
		x := r.o.owner(typeName, r.patient)
		codes := ownerless[typeName]
		if codes == nil {
			return x
		}
		params := r.o.params(typeName, codes)
		any := search.Or{x, r.pointed()}
		if typeName == "Binary" { // its securityContext may be any resource
			any = append(any, r.pointing(params))
		}
		return any
	case about:
		return r.pointing(r.o.params(typeName, []string{aboutCodes[typeName]}))
	case referred:
		return r.pointed()
	case directory:
		return nil
	}
	return search.Or{}
}

func (r *ruling) findVisible() search.Expr {
	var types []string
	for _, t := range r.o.types {
		if classes[t] == owned && r.May(fhir.Type(t), smart.Read|smart.Search) {
			types = append(types, t)
		}
	}
	return r.o.join(types, func(t string) search.Expr {
		x := r.o.owner(t, r.patient)
		var mine search.Or
		for _, s := range r.scopes {
			switch {
			case s.Level != smart.Patient || !applies(s, t, smart.Read|smart.Search):
			case s.Query == "":
				return x
			default:
				if q, err := r.reading.query(t, s.Query); err == nil {
					mine = append(mine, q)
				}
			}
		}
		return both(x, either(mine))
	})
}

// findPointed counts references through one more resource that is there only for
// that: to a Substance through a Medication.
func (r *ruling) findPointed() search.And {
	unowned := r.o.unowned()
	once := search.Referred{X: r.visible()}
	var between search.TypeIs
	for _, t := range r.o.types {
		if classes[t] == referred && r.May(fhir.Type(t), smart.Read|smart.Search) {
			between = append(between, t)
		}
	}
	if between == nil {
		return append(unowned, once)
	}
	return append(unowned, search.Or{once, search.Referred{X: search.And{between, once}}})
}

// pointing holds of what refers to something visible by one of params.
func (r *ruling) pointing(params []search.Param) search.Expr {
	var any search.Or
	for _, p := range params {
		any = append(any, search.Chain{Param: p, X: r.visible()})
	}
	return either(any)
}

// either is an Or, without it around a single part.
func either(any search.Or) search.Expr {
	if len(any) == 1 {
		return any[0]
	}
	return any
}

// both is an And; nil holds always.
func both(x, y search.Expr) search.Expr {
	if x == nil {
		return y
	}
	return search.And{x, y}
}
