package terminology

import (
	"context"
	"errors"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// ExpandRequest is ValueSet/$expand (R4 §4.9.18.1).
type ExpandRequest struct {
	Options
	Stamp
	URL, Version string    // of the value set, or
	ValueSet     *ValueSet // itself
	Filter       string    // words that a display or code must hold
	// Count and Offset page through the expansion; -1: not given.
	Count, Offset       int
	IncludeDesignations bool
	IncludeDefinition   bool
	ExcludeNested       bool
	Designations        []string // "system|code" of uses, "urn:ietf:bcp:47|de" or "de" of languages: only these
	Properties          []string
	ExcludedSystems     []string // canonicals of code systems to leave out
	ExcludeNotForUI     bool     // leave out abstract codes
	// Given repeats the parameters in the expansion.
	Given []Parameter
}

// MaxExpansion bounds the codes of an expansion that is not paged, and of a
// page.
const MaxExpansion = 20_000

// Expand expands a value set. What cannot be expanded is a *fault.Error that
// names the system or the include and says why; so is one with more codes than
// MaxExpansion, unless a page of it is asked for.
func (s *Service) Expand(ctx context.Context, r ExpandRequest) (*Expansion, error) {
	sc := s.scope(ctx, &r.Options)
	v, err := sc.requested(r.URL, r.Version, r.ValueSet)
	if err != nil {
		return nil, err
	}
	if err := sc.prepare(v); err != nil {
		return nil, err
	}
	if r.Languages.Text == "" {
		text := v.parameters["displayLanguage"]
		if text == "" {
			text = v.Language
		}
		if r.Languages, err = ParseLanguages(text); err != nil {
			return nil, err
		}
	}
	e := &expanding{scope: sc, r: &r, root: v, words: strings.Fields(strings.ToLower(r.Filter)), seen: newSeen()}
	if err := sc.walk(v, nil, e.take); err != nil {
		return nil, sc.notExpanded(v, err)
	}
	return e.result()
}

// requested is the value set that a request means.
func (s *scope) requested(url, version string, given *ValueSet) (*ValueSet, error) {
	if given != nil {
		return given, nil
	}
	if url == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "say which value set: by the parameter url or valueSet, or on an instance")
	}
	reference := url
	if version != "" && !strings.Contains(url, "|") {
		reference = canonical(url, version)
	}
	v, err := s.valueSet(reference, nil)
	if err == nil && v == nil {
		err = refuse(fault.NotFound, fault.CodeNotFound, "", "not-found", "Unable_to_resolve_value_Set_",
			"A definition for the value Set '%s' could not be found", fault.Shorten(reference))
	}
	return v, err
}

// notExpanded explains what an expansion lacked.
func (s *scope) notExpanded(v *ValueSet, err error) error {
	if missing, ok := errors.AsType[*unknownSystem](err); ok {
		return refuse(fault.Unprocessable, fault.CodeNotFound, "", "not-found", missing.id("_EXP"), "%s", missing.message("so the value set cannot be expanded"))
	}
	return err
}
