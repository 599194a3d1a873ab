package records

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Access is what a principal may do; access.Rules is one. It must be safe for
// concurrent use, and its expressions never change.
type Access interface {
	// May says whether one of the interactions is allowed at all with resources of
	// a type. It decides before any data is touched.
	May(t fhir.Type, i smart.Interactions) bool
	// Filter holds of the resources of some types (none: of every type) with which
	// one of the interactions is allowed; nil: of all of them.
	Filter(types []string, i smart.Interactions) search.Expr
	// Knows says whether a resource is no secret, whatever else is allowed with it:
	// it may be referred to.
	Knows(key fhir.Key) bool
	// Narrows says whether the scopes themselves keep some of the resources of a type
	// out of reach of all of the interactions.
	Narrows(t fhir.Type, i smart.Interactions) bool
}

// seeing is what makes a resource no secret.
const seeing = smart.Read | smart.Search

// ErrScope is in the chain of errors about a type or an interaction that Access
// does not allow (insufficient_scope).
var ErrScope = errors.New("records: insufficient scope")

// Ownership is who owns resources, by the search parameters of the door's
// releases: what access.Rules are made with. The queries of scopes may also have
// those that are stored.
func (d *Door) Ownership() *access.Ownership { return d.ownership }

// CheckScope says why a scope cannot be granted: as Ownership has it, or since not
// all resources are indexed by what its query asks.
func (d *Door) CheckScope(ctx context.Context, scope smart.Scope) error {
	if err := d.indexes.refresh(ctx); err != nil {
		return d.fault(err)
	}
	x, err := d.ownership.Restriction(scope)
	if err != nil {
		return err
	}
	if lacking := d.indexes.lacking(func() []search.Param { return search.ParamsOf(x) }); len(lacking) > 0 {
		return fmt.Errorf("scope %s: %s; ask again when it is done", scope, lacking[0])
	}
	return nil
}

// may refuses an interaction with a type that access does not allow; t "" is any
// type, of which one must be allowed.
func (s *Session) may(t fhir.Type, i smart.Interactions) error {
	if err := s.door.admits(i); err != nil {
		return err
	}
	if s.access == nil || s.access.May(t, i) {
		return nil
	}
	if t == "" {
		for _, one := range s.door.types() {
			if s.access.May(one, i) {
				return nil
			}
		}
		return fault.Wrap(ErrScope, fault.Forbidden, fault.CodeForbidden, "", "no scope allows this of any resource type: it takes %s", permission("*", i))
	}
	return fault.Wrap(ErrScope, fault.Forbidden, fault.CodeForbidden, "", "no scope allows this of %s: it takes %s", t, permission(t, i))
}

// permission is the part of a scope behind its level.
func permission(t fhir.Type, i smart.Interactions) string { return string(t) + "." + i.String() }

// filter holds of what one of the interactions is allowed with, nil of all.
func (s *Session) filter(types []string, i smart.Interactions) search.Expr {
	if s.access == nil {
		return nil
	}
	x := s.access.Filter(types, i)
	if s.at == 0 || x == nil {
		return x
	}
	return search.At(x, s.at)
}

// limited says whether there are resources of some types (none: of any) that the
// session may not see.
func (s *Session) limited(types ...string) bool { return s.filter(types, seeing) != nil }

// only adds what the session may do to an expression over types.
func (s *Session) only(types []string, i smart.Interactions, x search.Expr) search.Expr {
	filter := s.filter(types, i)
	switch {
	case filter == nil:
		return x
	case x == nil:
		return filter
	case asks(x, filter):
		return x
	}
	return search.And{x, filter}
}

// asks says whether x asks for what filter lets pass anyway: the one patient.
func asks(x, filter search.Expr) bool {
	reference, ok := filter.(search.Reference)
	if all, and := x.(search.And); ok && and {
		return slices.ContainsFunc(all, func(one search.Expr) bool { return asks(one, filter) })
	}
	asked, is := x.(search.Reference)
	return ok && is && asked == reference
}

// narrow is only for an expression of a client: what it asks of other resources
// is asked of those that the session sees.
func (s *Session) narrow(types []string, x search.Expr) search.Expr {
	return s.only(types, smart.Search, s.veil(x))
}

func (s *Session) veil(x search.Expr) search.Expr {
	if s.access == nil || x == nil {
		return x
	}
	return search.Veil(x, func(types []string) search.Expr { return s.filter(types, seeing) })
}

// sees says whether the session may do one of the interactions with the current
// version of key.
func (s *Session) sees(ctx context.Context, r store.Reader, key fhir.Key, i smart.Interactions) (bool, error) {
	types := []string{string(key.Type)}
	filter := s.filter(types, i)
	if filter == nil {
		return true, nil
	}
	n, err := r.Count(ctx, &search.Query{Types: types, Filter: search.And{search.IDs{string(key.ID)}, filter}})
	if errors.Is(err, store.ErrTooComplex) {
		return s.showsCurrent(ctx, r, key, i)
	}
	return n > 0, err
}

// showsCurrent is sees where the filter has more conditions than one query can have:
// it is asked of the resource in memory. An error would say that there is one.
func (s *Session) showsCurrent(ctx context.Context, r store.Reader, key fhir.Key, i smart.Interactions) (bool, error) {
	current, err := r.Read(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && current.Deleted {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.shows(ctx, r, current, i)
}

// shows says whether the session may do one of the interactions with a version as
// it is; of a delete, with the version before it.
func (s *Session) shows(ctx context.Context, r store.Reader, v store.Record, i smart.Interactions) (bool, error) {
	filter := s.filter([]string{string(v.Key.Type)}, i)
	if filter == nil {
		return true, nil
	}
	return s.door.passes(ctx, r, v, filter)
}

// passes says whether a filter holds of a version as it is; of a delete, of the version
// before it.
func (d *Door) passes(ctx context.Context, r store.Reader, v store.Record, filter search.Expr) (bool, error) {
	deleted := v.Deleted
	v, err := beforeDelete(ctx, r, v)
	if errors.Is(err, store.ErrNotFound) { // expunged: nothing tells whose it was
		return false, nil
	}
	if err != nil {
		return false, err
	}
	doc, err := d.document(ctx, v)
	if err != nil {
		return false, err
	}
	doc.Former = deleted
	ok, err := search.Match(ctx, filter, doc, matchSource{door: d})
	return ok && err == nil, unlessUndecided(err)
}

// unlessUndecided is the error of a filter, nil where it asks what something deleted was, and
// that is expunged, or more than is looked through: it does not hold then.
func unlessUndecided(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, search.ErrUndecided) {
		return nil
	}
	return err
}

// beforeDelete is v, or if that is a delete the version before; store.ErrNotFound when
// that is gone.
func beforeDelete(ctx context.Context, r store.Reader, v store.Record) (store.Record, error) {
	for v.Deleted {
		before, err := r.ReadVersion(ctx, v.Key, v.Version-1)
		if err != nil {
			return store.Record{}, err
		}
		v = before
	}
	return v, nil
}

// allows says whether the session may do one of the interactions with the
// resource that a record is the current version of.
func (s *Session) allows(ctx context.Context, r store.Reader, current store.Record, i smart.Interactions) (bool, error) {
	if current.Deleted {
		return s.shows(ctx, r, current, i)
	}
	return s.sees(ctx, r, current.Key, i)
}

// seen are those of keys that the session may see, or may refer to anyway.
func (s *Session) seen(ctx context.Context, r store.Reader, keys []fhir.Key) (map[fhir.Key]bool, error) {
	seen := map[fhir.Key]bool{}
	byType := map[fhir.Type]search.IDs{}
	for _, k := range keys {
		if s.access == nil || !s.limited(string(k.Type)) || s.access.Knows(k) {
			seen[k] = true
			continue
		}
		byType[k.Type] = append(byType[k.Type], string(k.ID))
	}
	for t, ids := range byType {
		types := []string{string(t)}
		for some := range slices.Chunk(ids, referencesAtOnce) {
			page, err := r.Search(ctx, &search.Query{Types: types, Filter: s.only(types, seeing, some), Count: len(some), Heads: true})
			if err != nil {
				return nil, err
			}
			for _, found := range page.Records {
				seen[found.Key] = true
			}
		}
	}
	return seen, nil
}

// writable says whether the session may do i with a resource, given its current
// version, which may be a delete. If not, the error is Forbidden when the session
// sees the resource, and errHidden when it does not.
func (s *Session) writable(ctx context.Context, current store.Record, i smart.Interactions) error {
	if current.Version == 0 || s.access == nil {
		return nil
	}
	for _, one := range []smart.Interactions{i, seeing} {
		allowed, err := s.allows(ctx, s.door.store, current, one)
		switch {
		case err != nil:
			return s.door.fault(err)
		case allowed && one == i:
			return nil
		case allowed:
			return outside(current.Key)
		}
	}
	return errHidden
}

// missed asks of what is not there what writable asks of what is hidden, and heeds no
// answer: so neither takes longer than the other.
func (s *Session) missed(ctx context.Context, key fhir.Key, i smart.Interactions) error {
	if s.access == nil {
		return nil
	}
	for _, one := range []smart.Interactions{i, seeing} {
		if _, err := s.sees(ctx, s.door.store, key, one); err != nil {
			return s.door.fault(err)
		}
	}
	return nil
}

// bounded says whether the session has but a part of a type, of which it then neither
// sees nor may do i with the rest. What consents hide of a type takes no ids away from
// services without a user: whoever feeds a server would stop at the first consent.
func (s *Session) bounded(t fhir.Type, i smart.Interactions) bool {
	return s.access != nil && s.access.Narrows(t, i) && s.access.Narrows(t, seeing)
}

// patchable refuses to change a part of what the session may not read: the answer,
// and whether a patch can be applied, tell of the rest.
func (s *Session) patchable(ctx context.Context, current store.Record) error {
	if current.Version == 0 || current.Deleted {
		return nil
	}
	allowed, err := s.allows(ctx, s.door.store, current, smart.Read)
	if err != nil {
		return s.door.fault(err)
	}
	if !allowed {
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "a part of %s can be changed only by who may read it: send the whole resource", current.Key)
	}
	return nil
}

// errHidden says that a resource is to be treated as though it were not there.
var errHidden = errors.New("records: the resource is hidden")

// outside is the error of writing what is not within reach. It does not say
// whether there is such a resource.
func outside(key fhir.Key) error {
	return fault.New(fault.Forbidden, fault.CodeForbidden, "", "%s is not within what you may write", key)
}

// unmade is the error of making a resource under an id that the session names, and
// that may be a hidden one's. It is the same whether there is such a resource or not.
func unmade(key fhir.Key) error {
	return fault.New(fault.Forbidden, fault.CodeForbidden, "",
		"there is no %s that you may change, and who may not see every %s cannot choose ids: POST to %s instead", key, key.Type, key.Type)
}

// types are the resource types of all releases.
func (d *Door) types() []fhir.Type {
	var all []fhir.Type
	for _, rel := range d.indexes.current().releases {
		for _, t := range rel.defs.ResourceTypes() {
			all = append(all, fhir.Type(t))
		}
	}
	return all
}
