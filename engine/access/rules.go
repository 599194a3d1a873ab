package access

import (
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/engine/mask"
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
	// Administers are the scopes with which an administrator of the place does all that
	// is an Operation, whatever they reach of the data; nil for others.
	Administers smart.Scopes
	// Asker is who asks, for the consents of patients.
	Asker Asker
	// Broken are the patients for whom the asker broke the glass.
	Broken []fhir.ID
	// Subscriber is whose the Subscriptions are that whoever asks makes.
	Subscriber Subscriber
	// Missing are elements that are masked beside those that roles mask.
	Missing []mask.Path
}

// Rules are what a Grant allows. They may be kept as long as the grant stays the
// same, and are safe for concurrent use.
type Rules struct {
	o       *Ownership
	patient string
	scopes  []smart.Scope
	own     fhir.Key // that may be read in any case
	known   []fhir.Key
	visible func() search.Expr // holds of what the patient owns and the scopes show
	pointed func() search.And  // holds of what names no owner and something visible refers to
	book    *Book
	asker   Asker
	user    fhir.Key
	masks   []mask.Path
	// ownPatients and departments hold of the patients within these reaches.
	ownPatients, departments func() search.Expr
	// policies are those of the Book for reading and for writing.
	policies    [2]concerned
	unconsented func() search.Expr
	broken      []glass

	grant      Grant
	dictionary *dictionary // of the scopes' queries
	mu         sync.Mutex
	filters    map[filterKey]search.Expr
	reasons    map[reasonKey][]string
	counted    map[countKey]counted
	next       *Rules // the same by the dictionary that held last, when that is another one
}

type filterKey struct {
	types        string // joined by commas
	interactions smart.Interactions
}

// seeing are the interactions of which one makes a resource no secret.
const seeing = smart.Read | smart.Search

// maxFilters bounds the filters that are remembered.
const maxFilters = 500

// Rules makes the Rules of a grant, no consents considered.
func (o *Ownership) Rules(g Grant) *Rules { return o.RulesUnder(nil, g) }

// RulesUnder makes the Rules of a grant. Scopes of level patient count only with a
// patient in context. Those of level user and system are bound to no compartment.
// The policies in book, and what it has for default, narrow them all; nil: there are
// none. What the Book is given later counts in Rules that are made then; until then
// whom a later policy governs is hidden where another one hides something.
func (o *Ownership) RulesUnder(book *Book, g Grant) *Rules {
	var policies [2]concerned
	if book != nil {
		for i := range policies {
			policies[i] = book.concerning(&g.Asker, i == 1)
		}
	}
	return o.rules(o.dictionary(), book, policies, g)
}

func (o *Ownership) rules(by *dictionary, book *Book, policies [2]concerned, g Grant) *Rules {
	r := &Rules{
		o: o, patient: g.Patient, book: book, policies: policies, asker: g.Asker, user: g.User,
		grant: g, dictionary: by,
		filters: map[filterKey]search.Expr{}, reasons: map[reasonKey][]string{}, counted: map[countKey]counted{},
	}
	r.unconsented = sync.OnceValue(r.findUnconsented)
	r.ownPatients, r.departments = sync.OnceValue(r.findOwnPatients), sync.OnceValue(r.findDepartments)
	r.known = append(r.known, g.Context...)
	if r.known = append(r.known, g.User); g.Patient != "" {
		r.known = append(r.known, fhir.Key{Type: "Patient", ID: fhir.ID(g.Patient)})
	}
	r.masks = append(r.asker.masks(), g.Missing...)
	for _, s := range g.Scopes.Resources() {
		if (s.Level != smart.Patient || g.Patient != "") && !r.asksMasked(s) {
			r.scopes = append(r.scopes, s)
		}
	}
	if g.Scopes.Has(smart.FHIRUser) || g.Scopes.Has(smart.Profile) {
		r.own = g.User
	}
	r.visible = sync.OnceValue(r.findVisible)
	r.pointed = sync.OnceValue(r.findPointed)
	for _, patient := range g.Broken {
		if inner, ok := g.broken(book, patient); ok {
			r.broken = append(r.broken, glass{patient, o.RulesUnder(book, inner)})
		}
	}
	return r
}

// now are the Rules by the search parameters that there are now.
func (r *Rules) now() *Rules {
	by := r.o.dictionary()
	if by == r.dictionary {
		return r
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil || r.next.dictionary != by {
		r.next = r.o.rules(by, r.book, r.policies, r.grant)
	}
	return r.next
}

// Purpose is the purpose of use for which is asked, a code of v3-ActReason; "" when
// none is known.
func (r *Rules) Purpose() string { return r.asker.Purpose }

// Governs says whether filters depend on what patients decided, and on the time.
func (r *Rules) Governs() bool {
	return r.policies[0].present != nil || r.policies[1].present != nil ||
		slices.ContainsFunc(r.broken, func(g glass) bool { return g.rules.Governs() })
}

// May says whether a scope and a role allow one of the interactions with resources of a
// type, be it with some of them only.
func (r *Rules) May(t fhir.Type, i smart.Interactions) bool {
	if i&smart.Read != 0 && t == r.own.Type && t != "" {
		return true
	}
	for one := range i.Each() {
		if slices.ContainsFunc(r.scopes, func(s smart.Scope) bool { return applies(s, string(t), one) }) &&
			(r.asker.Roles == nil || t == "" || len(r.asker.allowing(string(t), one)) > 0) {
			return true
		}
	}
	return slices.ContainsFunc(r.broken, func(g glass) bool { return g.rules.May(t, i) })
}

func applies(s smart.Scope, typeName string, i smart.Interactions) bool {
	return s.Interactions&i != 0 && (s.Type == smart.Any || s.Type == typeName)
}

// Admitting are the scopes that allow one of the interactions with a type, as they
// were granted. Roles and consents narrow what they reach.
func (r *Rules) Admitting(t fhir.Type, i smart.Interactions) (all []string) {
	for _, s := range r.scopes {
		if applies(s, string(t), i) {
			all = append(all, s.String())
		}
	}
	return all
}

// Knows says whether the grant itself names a resource: the patient, the user, or
// another one in context.
func (r *Rules) Knows(key fhir.Key) bool {
	return slices.Contains(r.known, key) || slices.ContainsFunc(r.broken, func(g glass) bool { return g.rules.Knows(key) })
}

// Narrows says whether some of the resources of a type are kept out of reach of all of
// the interactions: by the scopes, or from a user by anything. Services without a user,
// whom an administrator registered to bring data with its ids, are narrowed by their
// scopes alone.
func (r *Rules) Narrows(t fhir.Type, i smart.Interactions) bool {
	if r.asker.Roles != nil || r.asker.Self {
		return r.Filter([]string{string(t)}, i) != nil
	}
	return r.byScope(string(t), i) != nil
}

// Filter holds of the resources of some types (none: of every type) with which
// one of the interactions is allowed; nil: of all of them.
func (r *Rules) Filter(types []string, i smart.Interactions) search.Expr {
	r = r.now()
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
	x = r.through(types, i, bothOrNone(x, r.consented(types, i)))
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.filters) < maxFilters {
		r.filters[key] = x
	}
	return x
}

// of is the filter of one type: scope and role both allow the same interaction.
func (r *Rules) of(typeName string, i smart.Interactions) search.Expr {
	if r.asker.Roles == nil {
		return r.byScope(typeName, i)
	}
	any := never()
	for one := range i.Each() {
		scope := r.byScope(typeName, one)
		if scope == nil {
			scope = always()
		}
		any = disj(any, conj(scope, r.byRole(typeName, one)))
	}
	if isAlways(any) {
		return nil
	}
	return any
}

// Whole says whether scopes and roles show all resources of a type, whatever patients
// decided. It depends on who asks alone.
func (r *Rules) Whole(t fhir.Type) bool { return r.now().of(string(t), seeing) == nil }

// byScope is what scopes allow of one type. They add to each other, each with its
// own interactions and restriction.
func (r *Rules) byScope(typeName string, i smart.Interactions) search.Expr {
	var any, mine search.Or
	whole := false
	for _, s := range r.scopes {
		if !applies(s, typeName, i) {
			continue
		}
		var x search.Expr
		if s.Query != "" {
			var err error
			if x, err = r.dictionary.query(typeName, s.Query); err != nil {
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
func (r *Rules) reach(typeName string, i smart.Interactions) search.Expr {
	c := classes[typeName]
	if c == kept {
		return r.kept(true)
	}
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
		if typeName == binaryType { // its securityContext may be any resource
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

func (r *Rules) findVisible() search.Expr {
	var types []string
	for _, t := range r.o.types {
		if classes[t] == owned && r.May(fhir.Type(t), smart.Read|smart.Search) {
			types = append(types, t)
		}
	}
	visible := r.o.join(types, func(t string) search.Expr {
		any := never()
		for one := range (smart.Read | smart.Search).Each() {
			any = disj(any, conj(r.mine(t, one), r.byRole(t, one)))
		}
		return any
	})
	return bothOrNone(visible, r.ofThemselves(types))
}

// mine holds of what the patient owns and the scopes of the patient show.
func (r *Rules) mine(typeName string, i smart.Interactions) search.Expr {
	queries := never()
	for _, s := range r.scopes {
		switch {
		case s.Level != smart.Patient || !applies(s, typeName, i):
		case s.Query == "":
			return r.o.owner(typeName, r.patient)
		default:
			if q, err := r.dictionary.query(typeName, s.Query); err == nil {
				queries = disj(queries, q)
			}
		}
	}
	return conj(r.o.owner(typeName, r.patient), queries)
}

// findPointed counts references through one more resource that is there only for
// that: to a Substance through a Medication.
func (r *Rules) findPointed() search.And {
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
func (r *Rules) pointing(params []search.Param) search.Expr {
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

// bothOrNone is both, where each may be nil.
func bothOrNone(x, y search.Expr) search.Expr {
	if y == nil {
		return x
	}
	return both(x, y)
}

// both is an And; nil holds always.
func both(x, y search.Expr) search.Expr {
	if x == nil {
		return y
	}
	return search.And{x, y}
}
