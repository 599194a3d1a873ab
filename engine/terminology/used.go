package terminology

import (
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
)

// used is what an operation drew on, in the order in which it did.
type used struct {
	systems, valueSets, supplements, fragments []string
	rules                                      []usedRule
	status                                     []reference
}

// usedRule is a version parameter that had an effect.
type usedRule struct{ parameter, canonical string }

// reference is a resource drawn upon, CodeSystem or ValueSet.
type reference struct {
	typ string
	*definitions.Canonical
}

func note(list *[]string, value string) {
	if !slices.Contains(*list, value) {
		*list = append(*list, value)
	}
}

func (s *scope) rule(parameter, canonical string) {
	r := usedRule{parameter, canonical}
	if !slices.Contains(s.used.rules, r) {
		s.used.rules = append(s.used.rules, r)
	}
}

// seen notes that a code system was drawn upon.
func (s *scope) seen(cs *CodeSystem) {
	c := canonical(cs.URL, cs.Version)
	if slices.Contains(s.used.systems, c) {
		return
	}
	s.used.systems = append(s.used.systems, c)
	s.used.status = append(s.used.status, reference{"CodeSystem", &cs.Canonical})
	if cs.Content == "fragment" || cs.Content == "example" {
		note(&s.used.fragments, c)
	}
}
