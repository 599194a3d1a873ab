package records

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// CreateOptions belong to Create.
type CreateOptions struct {
	Request
	// IfNoneExist are the criteria of a conditional create: no match creates,
	// one match returns it Unchanged, several are PreconditionFailed.
	IfNoneExist []search.Pair
}

// Create stores a new resource of type t under an id that the server chooses.
// An id in the content is ignored (R4 §3.1.0.8).
func (s *Session) Create(ctx context.Context, t fhir.Type, c Content, o CreateOptions) (Result, error) {
	ctx, pass := span.Start(ctx, "door create")
	defer pass.End()
	if err := s.may(t, smart.Create); err != nil {
		return Result{}, err
	}
	w, err := s.draft(ctx, t, c, o.Request)
	if err != nil {
		return Result{}, err
	}
	w.key.ID = s.door.config.NewID()
	create := change{w: w, method: "POST", req: o.Request, chosen: true}
	if o.IfNoneExist == nil {
		return s.apply(ctx, create)
	}
	cond, err := s.condition(ctx, w.key.Type, o.IfNoneExist)
	if err != nil {
		return Result{}, err
	}
	match, err := cond.one(ctx, s.door.store)
	if err == nil && match.Version == 0 {
		create.locks = []string{lockOf(w.key.Type)}
		// Under the lock nobody else creates by condition: what is found now
		// was created since, and what is not found now will not be.
		create.again = func(ctx context.Context, r store.Reader) error {
			found, err := cond.one(ctx, r)
			if err == nil && found.Version > 0 {
				return &matchedError{found}
			}
			return err
		}
		var res Result
		if res, err = s.apply(ctx, create); err == nil {
			return res, nil
		}
		if m, ok := errors.AsType[*matchedError](err); ok {
			match, err = m.record, nil
		}
	}
	if err != nil {
		return Result{}, s.door.fault(err)
	}
	res, err := s.resource(ctx, match)
	return kept(res, "the criteria of the conditional create match"), err
}

// matchedError ends a transaction in which a condition found a match after all.
type matchedError struct{ record store.Record }

func (e *matchedError) Error() string { return "records: " + e.record.Key.String() + " matches" }
