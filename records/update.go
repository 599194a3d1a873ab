package records

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// UpdateOptions belong to updates and patches.
type UpdateOptions struct {
	Request
	Precondition
}

// Update replaces a resource, or creates it if policy lets clients choose
// ids. The content's id must be the key's (R4 §3.1.0.4).
func (s *Session) Update(ctx context.Context, key fhir.Key, c Content, o UpdateOptions) (Result, error) {
	ctx, pass := span.Start(ctx, "door update")
	defer pass.End()
	if err := s.may(key.Type, smart.Update); err != nil {
		return Result{}, err
	}
	w, err := s.draft(ctx, key.Type, c, o.Request)
	if err != nil {
		return Result{}, err
	}
	if err := sameID(w, key.ID); err != nil {
		return Result{}, err
	}
	w.key = key
	return s.update(ctx, w, o)
}

func (s *Session) update(ctx context.Context, w *draft, o UpdateOptions) (Result, error) {
	res, err := s.apply(ctx, change{
		w: w, method: "PUT", req: o.Request, pre: o.Precondition, named: true,
		mustExist: s.door.policy.ClientIDs == ServerChooses,
	})
	if err != nil && s.door.policy.ClientIDs == ServerChooses && fault.KindOf(err) == fault.NotFound {
		return res, fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "",
			"%s does not exist, and this server chooses ids itself: POST to %s instead", w.key, w.key.Type)
	}
	return res, err
}

// sameID refuses content that names another id than the URL, or none.
func sameID(w *draft, id fhir.ID) error {
	if !id.Valid() {
		return fault.New(fault.Invalid, fault.CodeValue, "", "%q is no id: 1 to 64 letters, digits, - and .", id)
	}
	path := string(w.key.Type) + ".id"
	switch w.key.ID {
	case id:
		return nil
	case "":
		return fault.New(fault.Invalid, fault.CodeRequired, path, "the resource must carry its id, %q", id)
	}
	return fault.New(fault.Invalid, fault.CodeInvalid, path, "the id is %q, but the URL says %q", w.key.ID, id)
}

// UpdateWhere is the conditional update (R4 §3.1.0.4.3): no match creates, one
// is updated, several are PreconditionFailed.
func (s *Session) UpdateWhere(ctx context.Context, t fhir.Type, criteria []search.Pair, c Content, o UpdateOptions) (Result, error) {
	ctx, pass := span.Start(ctx, "door update-where")
	defer pass.End()
	if err := s.may(t, smart.Update); err != nil {
		return Result{}, err
	}
	cond, err := s.condition(ctx, t, criteria)
	if err != nil {
		return Result{}, err
	}
	first, err := s.draft(ctx, t, c, o.Request)
	if err != nil {
		return Result{}, err
	}
	sent := first.key.ID
	var last error
	for range attempts {
		w := *first
		match, err := cond.one(ctx, s.door.store)
		if err != nil {
			return Result{}, s.door.fault(err)
		}
		if w.tree = first.tree.Clone(); match.Version > 0 {
			if sent != "" && sent != match.Key.ID {
				return Result{}, fault.New(fault.Invalid, fault.CodeInvalid, string(t)+".id", "the id is %q, but the criteria match %s", sent, match.Key)
			}
			w.key.ID = match.Key.ID
		} else if w.key.ID, err = s.newID(ctx, w.key); err != nil {
			return Result{}, err
		}
		res, err := s.apply(ctx, change{
			w: &w, method: "PUT", req: o.Request, pre: o.Precondition,
			locks: []string{lockOf(t)}, again: cond.still(match),
		})
		if !errors.Is(err, errMoved) {
			return res, err
		}
		last = err
	}
	return Result{}, s.door.fault(last)
}

// newID is the id under which an update that matched nothing creates: the
// content's, if it names one that is free and policy allows, else a new one. Who
// has scopes for a part of the type only names none.
func (s *Session) newID(ctx context.Context, key fhir.Key) (fhir.ID, error) {
	if key.ID == "" || s.door.policy.ClientIDs == ServerChooses {
		return s.door.config.NewID(), nil
	}
	current, err := s.door.store.Read(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", s.door.fault(err)
	}
	seen := !s.bounded(key.Type, smart.Update)
	if err == nil {
		if seen, err = s.allows(ctx, s.door.store, current, seeing); err != nil {
			return "", s.door.fault(err)
		}
	}
	if !seen {
		return "", unmade(key)
	}
	if current.Version == 0 || current.Deleted {
		return key.ID, nil
	}
	return "", fault.New(fault.Conflict, fault.CodeConflict, string(key.Type)+".id", "%s exists, but does not match the criteria", key)
}

// errMoved ends a transaction whose condition no longer selects what it did
// when the write was prepared. It is a conflict in the end.
var errMoved = errors.Join(errors.New("records: the match of a condition changed"), store.ErrVersion)

// still repeats a condition in a transaction and compares.
func (c *condition) still(match store.Record) func(context.Context, store.Reader) error {
	return func(ctx context.Context, r store.Reader) error {
		found, err := c.one(ctx, r)
		if err == nil && found.Key != match.Key {
			return errMoved
		}
		return err
	}
}
