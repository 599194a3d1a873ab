package records

import (
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// DeleteOptions belong to Delete and DeleteWhere.
type DeleteOptions struct {
	Request
	Precondition
}

// Delete deletes a resource (R4 §3.1.0.7). Deleting what is not there, or no
// more, is no error: Result.Existed is false. Conflict when others refer to
// it, unless policy allows that.
func (s *Session) Delete(ctx context.Context, key fhir.Key, o DeleteOptions) (Result, error) {
	ctx, pass := span.Start(ctx, "door delete")
	defer pass.End()
	if err := s.may(key.Type, smart.Delete); err != nil {
		return Result{}, err
	}
	if err := refuseLog(key); err != nil {
		return Result{}, err
	}
	if !key.ID.Valid() {
		return Result{Unchanged: true}, o.check(key, store.Record{})
	}
	var last error
	for range attempts {
		current, err := s.door.store.Read(ctx, key)
		if err == nil {
			err = s.writable(ctx, current, smart.Delete)
		}
		switch {
		case errors.Is(err, errHidden):
			audit.TrailOf(ctx).Hide(key)
			current, err = store.Record{}, nil
		case errors.Is(err, store.ErrNotFound):
			s.miss(ctx, key)
			current, err = store.Record{}, s.missed(ctx, key, smart.Delete)
		}
		if err != nil {
			return Result{}, s.door.fault(err)
		}
		if err := o.check(key, current); err != nil {
			return Result{}, err
		}
		if current.Version == 0 || current.Deleted {
			return Result{Resource: headOf(current), Unchanged: true}, nil
		}
		results, err := s.remove(ctx, []store.Record{current}, o.Request, nil, nil)
		if err == nil {
			return results[0], nil
		}
		if !errors.Is(err, store.ErrVersion) {
			return Result{}, s.door.fault(err)
		}
		last = err
	}
	return Result{}, s.door.fault(last)
}

// DeleteWhere is the conditional delete (R4 §3.1.0.7.1). It returns what was
// deleted; no match is no error. Several matches are PreconditionFailed,
// unless policy allows to delete them all, at once.
func (s *Session) DeleteWhere(ctx context.Context, t fhir.Type, criteria []search.Pair, o DeleteOptions) ([]Result, error) {
	ctx, pass := span.Start(ctx, "door delete-where")
	defer pass.End()
	if err := s.may(t, smart.Delete); err != nil {
		return nil, err
	}
	cond, err := s.condition(ctx, t, criteria)
	if err != nil {
		return nil, err
	}
	var last error
	for range attempts {
		found, err := cond.doomed(ctx, s.door.store)
		if err != nil {
			return nil, s.door.fault(err)
		}
		if len(found) == 0 {
			return nil, o.check(fhir.Key{Type: t}, store.Record{})
		}
		for _, current := range found {
			if err := s.writable(ctx, current, smart.Delete); err != nil {
				return nil, err
			}
			if err := o.check(current.Key, current); err != nil {
				return nil, err
			}
		}
		results, err := s.remove(ctx, found, o.Request, []string{lockOf(t)}, cond.stillDoomed(found))
		if !errors.Is(err, store.ErrVersion) {
			return results, s.door.fault(err)
		}
		last = err
	}
	return nil, s.door.fault(last)
}

// doomed are the matches that a conditional delete removes.
func (c *condition) doomed(ctx context.Context, r store.Reader) ([]store.Record, error) {
	p := c.s.door.policy
	if !p.MultipleDelete {
		match, err := c.one(ctx, r)
		if err != nil || match.Version == 0 {
			return nil, err
		}
		return []store.Record{match}, nil
	}
	found, err := c.all(ctx, r, p.MaxDelete+1)
	if err == nil && len(found) > p.MaxDelete {
		err = fault.New(fault.PreconditionFailed, fault.CodeTooCostly, "", "the criteria match more than %d resources, the most that one delete removes: make them more specific", p.MaxDelete)
	}
	return found, err
}

// stillDoomed repeats a conditional delete's search and compares.
func (c *condition) stillDoomed(found []store.Record) func(context.Context, store.Reader) error {
	return func(ctx context.Context, r store.Reader) error {
		now, err := c.doomed(ctx, r)
		if err != nil {
			return err
		}
		same := slices.EqualFunc(now, found, func(a, b store.Record) bool { return a.Key == b.Key && a.Version == b.Version })
		if !same {
			return errMoved
		}
		return nil
	}
}

// remove deletes the given current versions in one transaction. Its errors
// are those of commit.
func (s *Session) remove(ctx context.Context, current []store.Record, r Request, locks []string, again func(context.Context, store.Reader) error) ([]Result, error) {
	u := &unit{s: s, bulk: r.Bulk, locks: locks, check: again, former: map[fhir.Key][]byte{}, sole: true}
	for _, c := range current {
		u.former[c.Key] = c.Body
		u.writes = append(u.writes, s.door.deletion(c))
		u.deletes = append(u.deletes, c.Key)
	}
	if r.Provenance != nil {
		p, write, err := s.provenance(ctx, *r.Provenance, r, u.writes)
		if err != nil {
			return nil, err
		}
		u.writes = append(u.writes, write)
		u.needs, u.drafts = needsOf(keysOf(u.writes), p), []*draft{p}
	}
	written, err := s.door.commit(ctx, u)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(current))
	for i := range current {
		results[i] = Result{Resource: headOf(written[i]), Existed: true}
	}
	return results, nil
}

// deletion is the write that deletes a current version.
func (d *Door) deletion(current store.Record) store.Write {
	updated := d.now()
	if updated.Before(current.Updated) {
		updated = current.Updated
	}
	return store.Write{Key: current.Key, Expect: current.Version, Updated: updated, Method: "DELETE", Release: current.Release}
}
