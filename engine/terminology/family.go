package terminology

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/spec/fault"
)

// Codes lists the codes of a value set, each once; more than limit of them are
// an error (too costly), as is a value set that is not known or cannot be
// listed.
func (s *Service) Codes(ctx context.Context, canonical string, limit int) ([]Coding, error) {
	sc := s.scope(ctx, new(Options))
	v, err := sc.requested(canonical, "", nil)
	if err != nil {
		return nil, err
	}
	var out []Coding
	seen := newSeen()
	err = sc.walk(v, nil, func(it *item) error {
		if v.Inactive == "false" && it.sys != nil && it.sys.inactive(it.index) || seen.before(it, true) {
			return nil
		}
		if len(out) == limit {
			return refuse(fault.Unprocessable, fault.CodeTooCostly, "", "too-costly", "VALUESET_TOO_COSTLY",
				"The value set %s has more than %d codes, which is the most that can be searched for", v.canonical(), limit)
		}
		out = append(out, Coding{it.system, it.code})
		return nil
	})
	if err != nil {
		return nil, sc.notExpanded(v, err)
	}
	return out, nil
}

// Below lists a code and those below it in its system (is-a), the code first;
// more than limit are an error. A code or system that is not known is a
// NotFound.
func (s *Service) Below(ctx context.Context, system, code string, limit int) ([]string, error) {
	return s.family(ctx, system, code, limit, (*CodeSystem).descendants)
}

// Above lists a code and those above it in its system (generalizes), the code
// first; more than limit are an error. A code or system that is not known is a
// NotFound.
func (s *Service) Above(ctx context.Context, system, code string, limit int) ([]string, error) {
	return s.family(ctx, system, code, limit, (*CodeSystem).ancestors)
}

func (s *Service) family(ctx context.Context, system, code string, limit int, of func(*CodeSystem, int32) []int32) ([]string, error) {
	sc := s.scope(ctx, new(Options))
	sys, err := sc.codeSystem(system, "")
	if missing, ok := errors.AsType[*unknownSystem](err); ok {
		return nil, refuse(fault.NotFound, fault.CodeNotFound, "", "not-found", missing.id(""), "%s", missing.message("so its hierarchy is not known"))
	}
	if err != nil {
		return nil, err
	}
	i, _, ok := sys.find(code)
	if !ok {
		return nil, refuse(fault.NotFound, fault.CodeNotFound, "", "invalid-code", "Unknown_Code_in_Version",
			"Unknown code '%s' in the CodeSystem '%s' version '%s'", fault.Shorten(code), sys.URL, sys.Version)
	}
	relatives := of(sys.CodeSystem, i)
	if len(relatives) >= limit {
		return nil, refuse(fault.Unprocessable, fault.CodeTooCostly, "", "too-costly", "", "%s has %d related codes in %s, and %d are the most that can be searched for",
			fault.Shorten(code), len(relatives), system, limit)
	}
	out := []string{sys.Concepts[i].Code}
	for _, j := range relatives {
		out = append(out, sys.Concepts[j].Code)
	}
	return out, nil
}
