package leaktest

import (
	"slices"
	"strings"
	"time"
)

// Principal is who asks.
type Principal struct {
	Patient string // id of the patient in context
	User    string // reference of the user's own resource
	Scopes  []Scope
	// OwnReadable is the scope fhirUser.
	OwnReadable   bool
	Exempt        bool // whom no consent concerns
	Actors        []string
	Purpose       string
	Roles         []Role // nil: none bind
	Organizations []string
	Unsealed      []string // system|code
}

// Scope is one of a resource.
type Scope struct {
	Level        string // patient, user or system
	Type         string // or *
	Interactions string // letters of cruds
	Criterion    *Own   // nil: all
}

func (s *Scope) String() string {
	text := s.Level + "/" + s.Type + "." + s.Interactions
	if s.Criterion != nil {
		text += "?" + s.Criterion.String()
	}
	return text
}

// Role is one of the place, as its data has it.
type Role struct {
	Name     string     `json:"name"`
	Purposes []string   `json:"purposes"`
	Unseals  []string   `json:"unseals"`
	Rules    []RoleRule `json:"rules"`
}

// RoleRule is a rule of a Role.
type RoleRule struct {
	Types        []string `json:"types"`
	Interactions string   `json:"interactions"`
	Reach        string   `json:"reach"`
	Purposes     []string `json:"purposes"`
	Mask         []string `json:"mask"` // elements, such as Patient.name
}

// Sight is what a principal sees of a World at a time. It is good until either
// changes.
type Sight struct {
	w       *World
	p       *Principal
	now     time.Time
	known   map[sighting]bool
	waiting map[sighting]bool
	rulings map[ruling][]*consent // by patient
	wards   map[string]map[string]bool
	former  *Version // that is looked at as it was before its delete
	masks   *[]string
	// tellings are what the principal may be told, by version.
	tellings map[*Version]*telling
}

type sighting struct {
	v            *Version
	interactions string
	former       bool
}

type ruling struct{ patient string }

// See makes a Sight.
func See(w *World, p *Principal, now time.Time) *Sight {
	return &Sight{
		w: w, p: p, now: now, known: map[sighting]bool{}, waiting: map[sighting]bool{},
		rulings: map[ruling][]*consent{}, wards: map[string]map[string]bool{}, tellings: map[*Version]*telling{},
	}
}

// May says whether one of the interactions is allowed at all with a type.
func (s *Sight) May(typeName, interactions string) bool {
	for _, i := range interactions {
		if i == 'r' && s.p.OwnReadable && strings.HasPrefix(s.p.User, typeName+"/") {
			return true
		}
		for _, scope := range s.scopes() {
			if scope.about(typeName, i) && (s.p.Roles == nil || len(s.roleRules(typeName, i)) > 0) {
				return true
			}
		}
	}
	return false
}

// Sees says whether the principal may do one of the interactions with a version, as
// it is; of a delete, with the version before it.
func (s *Sight) Sees(v *Version, interactions string) bool {
	former := v != nil && v.Deleted
	for v != nil && v.Deleted {
		v = s.w.Version(v.Reference(), v.Number-1)
	}
	if v == nil {
		return false
	}
	key := sighting{v, interactions, former}
	if seen, ok := s.known[key]; ok {
		return seen
	}
	seen := false
	for _, i := range interactions {
		if s.allowed(v, i) && s.inRole(v, i) {
			seen = true
		}
	}
	seen = seen && s.consentedAs(v, interactions, former)
	s.known[key] = seen
	return seen
}

// SeesVersion says whether a version may be shown: it must be visible as it was,
// and its resource as it is.
func (s *Sight) SeesVersion(v *Version, interactions string) bool {
	return s.Sees(s.w.Newest(v.Reference()), interactions) && s.Sees(v, interactions)
}

// Finds says whether a resource is found by a search.
func (s *Sight) Finds(reference string) bool {
	v := s.w.Current(reference)
	return v != nil && s.Sees(v, "s")
}

// Knows says whether a resource that is there is no secret.
func (s *Sight) Knows(reference string) bool {
	v := s.w.Current(reference)
	return v != nil && s.Sees(v, "rs")
}

// scopes are those that count: not without the patient whom they are about, nor by what is
// masked.
func (s *Sight) scopes() (all []*Scope) {
	for i := range s.p.Scopes {
		one := &s.p.Scopes[i]
		if (one.Level != "patient" || s.p.Patient != "") && (one.Criterion == nil || !s.Refuses(one.Criterion.Param)) {
			all = append(all, one)
		}
	}
	return all
}

func (s *Scope) about(typeName string, i rune) bool {
	return (s.Type == "*" || s.Type == typeName) && strings.ContainsRune(s.Interactions, i)
}

// allowed says whether a scope allows an interaction with a version.
func (s *Sight) allowed(v *Version, i rune) bool {
	if i == 'r' && s.p.OwnReadable && v.Reference() == s.p.User {
		return true
	}
	return slices.ContainsFunc(s.scopes(), func(scope *Scope) bool {
		if !scope.about(v.Type, i) || scope.Criterion != nil && !scope.Criterion.holds(s, v) {
			return false
		}
		return scope.Level != "patient" || s.reaches(v, i)
	})
}

// reaches says whether a version is within reach of a scope of the patient.
func (s *Sight) reaches(v *Version, i rune) bool {
	if slices.Contains(s.w.patientsOf(v), s.p.Patient) {
		return true
	}
	if strings.ContainsRune("cud", i) {
		return false
	}
	switch kind(v.Type) {
	case "owned":
		if v.Type == "Binary" {
			for _, to := range s.w.referred(v.Body, "securityContext") {
				if s.own(s.w.Current(to)) {
					return true
				}
			}
		}
		return ownerless(v) && s.isPointedAt(v.Reference())
	case "about":
		return slices.ContainsFunc(s.w.referred(v.Body, abouts[v.Type]), func(to string) bool { return s.own(s.w.Current(to)) })
	case "referred":
		return s.isPointedAt(v.Reference())
	case "directory":
		return true
	}
	return false
}

// own says whether a resource is the patient's and visible by a scope of the patient.
func (s *Sight) own(v *Version) bool {
	if v == nil || !isOwned(v.Type) || !slices.Contains(s.w.patientsOf(v), s.p.Patient) || !s.consented(v, "rs") {
		return false
	}
	for _, i := range "rs" {
		for _, scope := range s.scopes() {
			if scope.Level == "patient" && scope.about(v.Type, i) && (scope.Criterion == nil || scope.Criterion.holds(s, v)) && s.inRole(v, i) {
				return true
			}
		}
	}
	return false
}

// isPointedAt says whether something of the patient refers to a resource, itself or
// through one that is only there to be referred to.
func (s *Sight) isPointedAt(reference string) bool {
	for _, v := range s.w.Referrers(reference) {
		if s.own(v) {
			return true
		}
		if slices.Contains(referredTypes, v.Type) && s.May(v.Type, "rs") && slices.ContainsFunc(s.w.Referrers(v.Reference()), s.own) {
			return true
		}
	}
	return false
}
