package audit

import (
	"math/bits"
	"strconv"
	"strings"
)

// A summary says of a block which terms its events may have: a Bloom filter, so that a
// search reads the blocks alone that may have what it seeks. What it says is never
// wrong of a term that is there, and of few others.

// term is a hash of something that events are sought by.
type term uint32

// What a term is of.
const (
	termAgent   = 'a'
	termLogin   = 'l'
	termTouched = 'e' // a resource
	termType    = 't'
	termSubtype = 's'
	termAction  = 'd'
	termOutcome = 'o'
	termPolicy  = 'p'
)

// termOf is FNV-1a with MurmurHash3's last step.
func termOf(kind byte, text string) term {
	h := (uint64(14695981039346656037) ^ uint64(kind)) * 1099511628211
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return term(h >> 32)
}

// terms appends those of an event.
func (e *Event) terms(all []term) []term {
	add := func(kind byte, text string) {
		if text != "" {
			all = append(all, termOf(kind, text))
		}
	}
	act := func(a Action) { add(termAction, string(rune(a))) }
	list := func(some []Entity) {
		for i := range some {
			add(termTouched, some[i].Key)
			if e.Kind == Batch {
				act(some[i].Action)
			}
		}
	}
	a := &e.Agent
	add(termAgent, a.User)
	add(termAgent, a.Is)
	add(termAgent, a.Client)
	add(termLogin, a.Login)
	typ, subtype := e.Kind.types()
	add(termType, typ.Code)
	add(termSubtype, subtype.Code)
	act(e.Kind.Action())
	add(termOutcome, strconv.Itoa(e.Outcome()))
	for _, policy := range e.policies() {
		add(termPolicy, policy)
	}
	add(termTouched, e.Target)
	list(e.Entities)
	for i := range e.Patients {
		add(termTouched, e.Patients[i].Key)
		list(e.Patients[i].Entities)
	}
	for i := range e.Consents {
		add(termTouched, e.Consents[i].Consent)
	}
	add(termTouched, e.Hidden.Key)
	for _, by := range e.Hidden.By {
		add(termTouched, by)
	}
	return all
}

const (
	summaryFormat = 1
	bitsPerTerm   = 10
	probes        = 4       // of a term: about one in a hundred others passes
	maxSummary    = 1 << 20 // bits
)

// summary is the format and the bits of the terms; nil for none.
func summary(terms []term) []byte {
	terms = distinct(terms)
	if len(terms) == 0 {
		return nil
	}
	s := make([]byte, 1+(min(len(terms)*bitsPerTerm, maxSummary)+7)/8)
	s[0] = summaryFormat
	for _, t := range terms {
		for i := range probes {
			at := t.bit(i, len(s)-1)
			s[1+at/8] |= 1 << (at % 8)
		}
	}
	return s
}

// bit is the place of the i-th probe in so many bytes.
func (t term) bit(i, bytes int) uint64 {
	h := uint32(t)*0x9e3779b1 + uint32(i)*(uint32(t)*0x85ebca6b|1)
	return uint64(h) * uint64(bytes*8) >> 32
}

// may says whether a block with a summary may have one of each of the needs. One of
// which nothing is known may.
func may(s []byte, needs [][]term) bool {
	if len(s) < 2 || s[0] != summaryFormat {
		return true
	}
	for _, alternatives := range needs {
		any := false
		for _, t := range alternatives {
			has := true
			for i := range probes {
				at := t.bit(i, len(s)-1)
				has = has && s[1+at/8]&(1<<(at%8)) != 0
			}
			any = any || has
		}
		if !any {
			return false
		}
	}
	return true
}

// need adds that an event has the term of one of texts; with a text of which there is no
// term, nothing is needed.
func (q *Query) need(kind byte, texts []string) {
	var alternatives []term
	for _, text := range texts {
		if text == "" {
			return
		}
		alternatives = append(alternatives, termOf(kind, text))
	}
	q.needs = append(q.needs, alternatives)
}

// codes are those of tokens, "" of one that asks for any code.
func codes(tokens []string) []string {
	all := make([]string, len(tokens))
	for i, t := range tokens {
		if _, code, ok := strings.Cut(t, "|"); ok {
			t = code
		}
		all[i] = t
	}
	return all
}

// summaryOf is the summary of entries; nil when one has no terms, as those that an
// earlier version appended.
func summaryOf(entries []*entry) []byte {
	var all []term
	for _, n := range entries {
		if n.terms == nil {
			return nil
		}
		all = append(all, n.terms...)
	}
	return summary(all)
}

// distinct leaves each term once. They are hashes, so that a place for each is found
// without another one.
func distinct(all []term) []term {
	places := make([]int32, 1<<bits.Len(uint(2*len(all)))) // in out, from 1
	out := all[:0]
next:
	for _, t := range all {
		at := int(t) & (len(places) - 1)
		for ; places[at] != 0; at = (at + 1) & (len(places) - 1) {
			if out[places[at]-1] == t {
				continue next
			}
		}
		out = append(out, t)
		places[at] = int32(len(out))
	}
	return out
}
