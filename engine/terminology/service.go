package terminology

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Service answers the terminology operations of FHIR (R4 §4.6, Terminology
// Service) from the packages of a Catalog and from a Source, which wins where
// both have the same version of a resource. It is cheap to make, one for each
// principal whose sight the Source has, and safe for concurrent use if that is.
type Service struct {
	catalog *Catalog
	source  Source
}

// NewService makes a service; source may be nil.
func NewService(c *Catalog, source Source) *Service { return &Service{c, source} }

// Definitions are those of the packages.
func (s *Service) Definitions() *definitions.Definitions { return s.catalog.definitions }

// Stamp marks an answer that is made at a time.
type Stamp struct {
	Identifier string // a URI: "urn:uuid:..."
	Time       time.Time
}

// Coding is a code of a system.
type Coding struct{ System, Code string }

// Member says whether a value set has a code; a code without a system is one
// whose system goes without saying. It is Unknown when that cannot be told: the
// value set is not known, or a code system that it draws on is not at hand. The
// error is one of the Source or the context.
func (s *Service) Member(ctx context.Context, valueSet string, c Coding) (Answer, error) {
	compiled := func() Answer {
		set := s.catalog.Set(valueSet)
		if c.System == "" {
			return set.HasCode(c.Code)
		}
		return set.Has(c.System, c.Code)
	}
	if s.source == nil {
		return compiled(), nil
	}
	if some, err := s.source.Any(ctx); err != nil || !some {
		return compiled(), err
	}
	sc := s.scope(ctx, new(Options))
	v, err := sc.valueSet(valueSet, nil)
	if err != nil && !isFault(err) {
		return Unknown, err
	}
	if v == nil {
		return compiled(), nil // of another version, perhaps
	}
	f, err := sc.member(v, named{system: c.System, code: c.Code, plain: c.System == ""}, nil)
	switch {
	case ctx.Err() != nil:
		return Unknown, ctx.Err()
	case errors.As(err, new(*unknownSystem)) || isFault(err):
		return compiled(), nil
	case err != nil:
		return Unknown, err
	case f == nil:
		return No, nil
	case f.fragment:
		return Unknown, nil
	}
	return Yes, nil
}

// Knows says whether a value set is known.
func (s *Service) Knows(ctx context.Context, valueSet string) bool {
	v, err := s.scope(ctx, new(Options)).valueSet(valueSet, nil)
	return err == nil && v != nil || s.catalog.Set(valueSet) != nil
}

// errEnough ends a walk.
var errEnough = errors.New("terminology: enough")

// Examples lists some codes of a value set, at most limit, for messages; more
// says that there are others.
func (s *Service) Examples(ctx context.Context, valueSet string, limit int) (codes []string, more bool) {
	sc := s.scope(ctx, new(Options))
	v, err := sc.valueSet(valueSet, nil)
	if v == nil || err != nil {
		return s.catalog.Set(valueSet).Codes(limit)
	}
	err = sc.walk(v, nil, func(it *item) error {
		if len(codes) == limit {
			return errEnough
		}
		note(&codes, it.code)
		return nil
	})
	return codes, err != nil
}
