// Package terminology answers whether a code is in a value set, from the
// value sets and code systems of a Definitions.
//
// A code system whose codes are not at hand (SNOMED CT, LOINC and other large
// or licensed ones) cannot be answered for: the answer is then Unknown. Some
// systems are not enumerable but have a grammar: BCP-47 languages, MIME types,
// UCUM units and ISO 4217 currencies. For these the grammar decides.
package terminology

import (
	"slices"
	"strings"
)

// Answer is what is known of a code's membership.
type Answer uint8

// The answers.
const (
	Unknown Answer = iota // the codes of a system or value set are not at hand
	No
	Yes
)

// Set is a compiled value set. It is immutable.
type Set struct {
	URL      string
	parts    []part
	excludes []part
	plain    map[string]struct{} // all codes, when they are few, for codes without a system
}

// part is what one include or exclude adds.
type part struct {
	system string // "" for any
	// codes are the codes, in lower case for a system that does not mind case;
	// nil when decide answers.
	codes  map[string]struct{}
	fold   bool
	decide func(code string) Answer
	within []*Set // value sets that it is intersected with
}

// Set returns the compiled value set with a canonical URL, or nil when it is
// not known.
func (c *Catalog) Set(canonical string) *Set {
	if s, ok := c.sets.Load(canonical); ok {
		return s.(*Set)
	}
	s := c.compile(canonical, nil)
	actual, _ := c.sets.LoadOrStore(canonical, s)
	return actual.(*Set)
}

// Has says whether the value set holds a code of a system.
func (s *Set) Has(system, code string) Answer {
	if s == nil {
		return Unknown
	}
	system, _, _ = strings.Cut(system, "|")
	if ask(s.excludes, system, code, false) == Yes {
		return No
	}
	return ask(s.parts, system, code, false)
}

// HasCode says whether the value set holds a code whose system goes without
// saying, as in an element of type code.
func (s *Set) HasCode(code string) Answer {
	if s == nil {
		return Unknown
	}
	if s.plain != nil {
		if _, ok := s.plain[code]; ok {
			return Yes
		}
		return No
	}
	if ask(s.excludes, "", code, true) == Yes {
		return No
	}
	return ask(s.parts, "", code, true)
}

// ask is Yes when a part has the code, else Unknown when a part cannot tell.
func ask(parts []part, system, code string, anySystem bool) Answer {
	answer := No
	for i := range parts {
		p := &parts[i]
		if !anySystem && p.system != "" && p.system != system {
			continue
		}
		switch p.has(system, code, anySystem) {
		case Yes:
			return Yes
		case Unknown:
			answer = Unknown
		}
	}
	return answer
}

func (p *part) has(system, code string, anySystem bool) Answer {
	answer := Yes
	switch {
	case p.decide != nil:
		answer = p.decide(code)
	case p.codes != nil:
		if p.fold {
			code = strings.ToLower(code)
		}
		if _, ok := p.codes[code]; !ok {
			answer = No
		}
	}
	for _, w := range p.within {
		if answer == No {
			return No
		}
		other := w.HasCode(code)
		if !anySystem {
			other = w.Has(system, code)
		}
		if other != Yes {
			answer = other
		}
	}
	return answer
}

// Codes lists the codes that are known to be in the set, at most limit, for
// messages; more says that there are others.
func (s *Set) Codes(limit int) (codes []string, more bool) {
	if s == nil {
		return nil, false
	}
	for i := range s.parts {
		p := &s.parts[i]
		if p.codes == nil {
			more = true
		}
		for code := range p.codes {
			if s.HasCode(code) == Yes {
				codes = append(codes, code)
			}
		}
	}
	slices.Sort(codes)
	if len(codes) > limit {
		return codes[:limit], true
	}
	return codes, more
}
