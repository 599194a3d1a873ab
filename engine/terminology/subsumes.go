package terminology

import (
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// SubsumesRequest is CodeSystem/$subsumes (R4 §4.8.18.3).
type SubsumesRequest struct {
	Options
	System, Version string
	CodeSystem      *CodeSystem // on an instance
	A, B            definitions.Coding
}

// Subsumes compares two codes of a system: "equivalent", "subsumes" (A is the
// wider one), "subsumed-by" or "not-subsumed". A code or system that is not
// known is a NotFound.
func (s *Service) Subsumes(ctx context.Context, r SubsumesRequest) (string, error) {
	if r.CodeSystem != nil {
		r.Resources.codeSystems = append(slices.Clip(r.Resources.codeSystems), r.CodeSystem)
		r.System, r.Version = r.CodeSystem.URL, r.CodeSystem.Version
	}
	for _, c := range []definitions.Coding{r.A, r.B} {
		if r.System == "" {
			r.System, r.Version = c.System, c.Version
		}
		if c.System != "" && c.System != r.System {
			return "", fault.New(fault.Invalid, fault.CodeInvalid, "", "both codes must be of one system: %s and %s are two", fault.Shorten(r.System), fault.Shorten(c.System))
		}
	}
	if r.System == "" || r.A.Code == "" || r.B.Code == "" {
		return "", fault.New(fault.Invalid, fault.CodeRequired, "", "say what to compare: system, codeA and codeB, or codingA and codingB")
	}
	sc := s.scope(ctx, &r.Options)
	sys, err := sc.codeSystem(r.System, sc.version(r.System, r.Version).asked)
	if missing, ok := errors.AsType[*unknownSystem](err); ok {
		return "", refuse(fault.NotFound, fault.CodeNotFound, "", "not-found", missing.id(""), "%s", missing.message("so the codes cannot be compared"))
	}
	if err != nil {
		return "", err
	}
	var at [2]int32
	for n, code := range []string{r.A.Code, r.B.Code} {
		i, _, ok := sys.find(code)
		if !ok {
			return "", refuse(fault.NotFound, fault.CodeNotFound, "", "invalid-code", "Unknown_Code_in_Version",
				"Unknown code '%s' in the CodeSystem '%s' version '%s'", fault.Shorten(code), sys.URL, sys.Version)
		}
		at[n] = i
	}
	return sys.subsumes(at[0], at[1]), nil
}
