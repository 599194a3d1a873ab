package subscribe

import (
	"slices"

	"github.com/inglehealth/ingle/engine/search"
)

// Set is the criteria of many subscriptions, found by the values that they ask for. It
// is not safe for use by several goroutines while it changes.
type Set struct {
	criteria map[string]*Criteria
	// values finds criteria by a value that a resource must have to concern them, and
	// asked says of which parameters there are, or were, any.
	values map[value][]string
	asked  map[code]forms
	// open are those that ask for no value by which they are found: by type, "" for all.
	open map[string][]string
	// former counts, by type, the rules that ask how a resource was, and watched those
	// that ask anything.
	former, watched map[string]int
}

// value is one that an entry has.
type value struct {
	param, a, b string
	form        forms
}

// code is a parameter of a type, "" for every type.
type code struct{ resource, param string }

// forms are the ways in which values are asked for.
type forms uint8

const (
	codeAlone   forms = 1 << iota // code of any system: a
	codeOf                        // system and code
	systemAlone                   // any code of a system: a
	target                        // resource referred to: type and id
	targetID                      // of any type: id
	address                       // URL
	own                           // of the resource itself: its id
)

// NewSet makes an empty Set.
func NewSet() *Set {
	return &Set{
		criteria: map[string]*Criteria{}, values: map[value][]string{}, asked: map[code]forms{}, open: map[string][]string{},
		former: map[string]int{}, watched: map[string]int{},
	}
}

// Len is how many subscriptions there are.
func (s *Set) Len() int { return len(s.criteria) }

// Put adds the criteria of a subscription, instead of those that it had.
func (s *Set) Put(id string, c *Criteria) {
	s.Remove(id)
	s.criteria[id] = c
	for _, r := range c.rules {
		s.count(&r, 1)
		found, ok := r.pivots()
		if !ok {
			s.open[r.resource] = append(s.open[r.resource], id)
			continue
		}
		for _, p := range found {
			s.values[p.value] = append(s.values[p.value], id)
			s.asked[code{p.resource, p.value.param}] |= p.value.form
		}
	}
}

// count adds a rule to former and watched, or takes it away.
func (s *Set) count(r *rule, n int) {
	if r.former() {
		s.former[r.resource] += n
	}
	found, ok := r.pivots()
	if r.resource != "" || !ok {
		s.watched[r.resource] += n
		return
	}
	for _, p := range found {
		s.watched[p.resource] += n
	}
}

// Remove takes a subscription away, if it is there.
func (s *Set) Remove(id string) {
	c := s.criteria[id]
	if c == nil {
		return
	}
	delete(s.criteria, id)
	for _, r := range c.rules {
		s.count(&r, -1)
		found, ok := r.pivots()
		if !ok {
			s.open[r.resource] = without(s.open[r.resource], id)
			continue
		}
		for _, p := range found {
			if s.values[p.value] = without(s.values[p.value], id); len(s.values[p.value]) == 0 {
				delete(s.values, p.value)
			}
		}
	}
}

func without(ids []string, id string) []string {
	return slices.DeleteFunc(ids, func(one string) bool { return one == id })
}

// Watches says whether changes of a type concern anybody.
func (s *Set) Watches(resource string) bool {
	return resource != Unwatched && s.watched[""]+s.watched[resource] > 0
}

// Former says whether it matters for a type how a resource was before an update.
func (s *Set) Former(resource string) bool { return s.former[resource]+s.former[""] > 0 }

func (r *rule) former() bool { return r.path != nil || r.query != nil && r.query.previous != nil }

// Concerns says whether a resource may concern anybody; if not, nothing is found of it.
func (s *Set) Concerns(doc *search.Document) bool { return len(s.candidates(doc)) > 0 }

// candidates are subscriptions that a resource may concern, each once.
func (s *Set) candidates(doc *search.Document) []string {
	resource := string(doc.Key.Type)
	ids := slices.Concat(s.open[""], s.open[resource])
	look := func(v value) { ids = append(ids, s.values[v]...) }
	if s.forms(resource, "_id")&own != 0 {
		look(value{param: "_id", a: string(doc.Key.ID), form: own})
	}
	for i := range doc.Entries {
		e := &doc.Entries[i]
		asked := s.forms(resource, e.Param.Code)
		if asked == 0 {
			continue
		}
		p := e.Param.Code
		for _, v := range [...]value{
			{p, e.Code, "", codeAlone}, {p, e.System, e.Code, codeOf}, {p, e.System, "", systemAlone},
			{p, e.RefType, e.RefID, target}, {p, e.RefID, "", targetID}, {p, e.URL, "", address},
		} {
			if asked&v.form != 0 {
				look(v)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (s *Set) forms(resource, param string) forms {
	return s.asked[code{resource, param}] | s.asked[code{"", param}]
}
