package records

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// hide notes which resources a draft refers to that the session does not see: to
// them it cannot refer, whether they exist or not. Otherwise a reference would tell
// that a resource exists, or bring it within reach.
func (s *Session) hide(ctx context.Context, w *draft) error {
	w.hidden = nil
	if s.access == nil || w.key.Type == "Bundle" { // what that holds refers within it first
		return nil
	}
	var keys []fhir.Key
	for n := range w.tree.Root().Pointers() {
		if key, _, ok := s.door.pointed(w.rel.defs, n); ok && key != w.key {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, fhir.Key.Compare)
	keys = slices.Compact(keys)
	seen, err := s.seen(ctx, s.door.store, keys)
	if err != nil {
		return s.door.fault(err)
	}
	for _, k := range keys {
		if !seen[k] {
			if w.hidden == nil {
				w.hidden = map[fhir.Key]bool{}
			}
			w.hidden[k] = true
		}
	}
	return nil
}

// refers refuses a draft that refers to what the session does not see, as though
// that did not exist. What the version before refers to may stay, and what the
// same commit writes is there. It refuses what the session may not write as well, by
// what is hidden only where that is not new.
func (d *Door) refers(w *draft, before store.Record, written func(fhir.Key) bool) error {
	if w.hidden == nil {
		return nil
	}
	kept := map[fhir.Key]bool{}
	if before.Version > 0 && !before.Deleted {
		tree, err := d.tree(before)
		if err != nil {
			return err
		}
		for n := range tree.Root().Pointers() {
			if key, _, ok := d.pointed(tree.Definitions(), n); ok {
				kept[key] = true
			}
		}
	}
	var issues []fault.Issue
	for n := range w.tree.Root().Pointers() {
		if key, _, ok := d.pointed(w.rel.defs, n); ok && w.hidden[key] && !kept[key] && !written(key) {
			issues = append(issues, notThere(n, key))
		}
	}
	switch {
	case issues == nil:
		return w.beyond
	case w.without != nil:
		return w.without
	}
	return fault.Of(fault.Unprocessable, issues)
}

// notThere says of a reference that it leads nowhere.
func notThere(n fhir.Node, key fhir.Key) fault.Issue {
	return issueAt(n, fault.CodeNotFound, "%s does not exist here: create it first, or in the same transaction", key)
}
