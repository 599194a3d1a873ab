package records

import (
	"context"
	"iter"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// Bounds of a walk over the members of a Group.
const (
	membersAtOnce = 1_000
	maxNested     = 8 // Groups that are members of Groups
)

// GroupMembers yields the members of a Group that the session may see, each once: the
// resources that it lists, with the members of Groups that it lists, as far as all
// criteria of its member-filters hold of them; without a list all that those find. They
// are found anew at each call, as of that moment. Members that are inactive, or whose
// period is over, are none. An error, which ends the walk, is a *fault.Error: NotFound
// without such a Group, Unprocessable when it describes its members by characteristics
// alone.
func (s *Session) GroupMembers(ctx context.Context, id fhir.ID) iter.Seq2[fhir.Key, error] {
	return func(yield func(fhir.Key, error) bool) {
		w := &membersWalk{s: s, yield: yield}
		if err := w.group(ctx, id, nil); err != nil {
			yield(fhir.Key{}, s.door.fault(err))
		}
	}
}

// membersWalk is one walk over members.
type membersWalk struct {
	s       *Session
	yield   func(fhir.Key, error) bool
	stopped bool
}

// group walks the members of a Group of which all in and hold as well; path are the
// Groups that lead there.
func (w *membersWalk) group(ctx context.Context, id fhir.ID, path []fhir.ID) error {
	c, err := w.read(ctx, id, path)
	if err != nil {
		return err
	}
	if len(c.listed) > 0 {
		return w.listed(ctx, id, c, path)
	}
	if c.typ == "" {
		if c.described {
			return fault.New(fault.Unprocessable, fault.CodeNotSupported, "Group.characteristic",
				"Group/%s describes its members by characteristics, which are not evaluated here: say them as searches, in member-filter extensions, or list the members", id)
		}
		return nil // it has none
	}
	return w.found(ctx, c.typ, c.criteria)
}

// read reads a Group.
func (w *membersWalk) read(ctx context.Context, id fhir.ID, path []fhir.ID) (*cohort, error) {
	if slices.Contains(path, id) || len(path) > maxNested {
		return nil, fault.New(fault.Unprocessable, fault.CodeBusinessRule, "Group.member",
			"Group/%s is a member of itself, or Groups are members of each other in more than %d steps", id, maxNested)
	}
	r, err := w.s.Read(ctx, fhir.Key{Type: groupType, ID: id}, ReadOptions{})
	if err != nil {
		return nil, err
	}
	tree, err := fhir.ParseJSON(w.s.door.release(r.Release).defs, r.JSON, storedLimits)
	if err != nil {
		return nil, err
	}
	return w.s.cohort(ctx, tree.Root())
}

// listed walks the members that a Group lists. They are known by then, and put in order,
// so that none comes twice.
func (w *membersWalk) listed(ctx context.Context, id fhir.ID, c *cohort, path []fhir.ID) error {
	var all []fhir.Key
	for _, key := range c.listed {
		if key.Type != groupType {
			all = append(all, key)
			continue
		}
		nested := &membersWalk{s: w.s, yield: func(key fhir.Key, _ error) bool { all = append(all, key); return true }}
		if err := nested.group(ctx, key.ID, append(path[:len(path):len(path)], id)); err != nil {
			return err
		}
	}
	slices.SortFunc(all, fhir.Key.Compare)
	all = slices.Compact(all)
	for len(all) > 0 && !w.stopped {
		t := all[0].Type
		n := 1
		for n < len(all) && n < referencesAtOnce && all[n].Type == t {
			n++
		}
		some := all[:n]
		all = all[n:]
		if c.typ != "" && t != c.typ {
			continue
		}
		if c.criteria == nil && !w.s.limited(string(t)) {
			if err := w.there(ctx, t, some); err != nil {
				return err
			}
			continue
		}
		ids := make(search.IDs, n)
		for i, key := range some {
			ids[i] = string(key.ID)
		}
		if err := w.found(ctx, t, append(search.And{ids}, c.criteria...)); err != nil {
			return err
		}
	}
	return nil
}

// there walks those of some resources of a type that there are, for who sees all of them.
func (w *membersWalk) there(ctx context.Context, t fhir.Type, some []fhir.Key) error {
	if err := w.s.may(t, smart.Search); err != nil {
		return err
	}
	versions, err := w.s.door.store.Versions(ctx, some)
	if err != nil {
		return err
	}
	for _, key := range some {
		if v, ok := versions[key]; ok && !v.Deleted && !w.yield(key, nil) {
			w.stopped = true
			return nil
		}
	}
	return nil
}

// found walks the resources of a type that x finds, page by page.
func (w *membersWalk) found(ctx context.Context, t fhir.Type, x search.And) error {
	if err := w.s.may(t, smart.Search); err != nil {
		return err
	}
	types := []string{string(t)}
	q := &search.Query{Types: types, Asked: x, Bound: true, Filter: w.s.narrow(types, x), Count: membersAtOnce, Heads: true}
	for !w.stopped {
		page, err := w.s.door.store.Search(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if !w.yield(r.Key, nil) {
				w.stopped = true
				return nil
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
	return nil
}
