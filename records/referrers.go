package records

import (
	"context"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

const (
	referrersNamed  = 5         // in the message
	referrersRead   = 100       // at a time
	referrersLooked = 10_000    // at most, where a matcher asks for them
	referrersMost   = 1_000_000 // at most, of what is to be deleted
)

// unreferred refuses to delete what others refer to, and names some of them.
// References to a version do not count, for versions outlive the delete. What
// the same transaction writes was checked before: only a Provenance of the
// delete itself can refer to it.
//
// Those that the session does not see are not named and refuse nothing: whether
// something can be deleted would tell of them. Their references lead to a deleted
// resource then, whose history stays. So that not too much hangs in the air, and nobody
// learns of records that are out of sight, a Patient, and what records of many patients
// share, is deleted only by who sees all that may refer to it but for what patients hide;
// others are refused in the same words whether or not anything refers to it.
func (s *Session) unreferred(ctx context.Context, r store.Reader, key fhir.Key, writes []store.Write) error {
	if s.door.policy.AllowDeleteReferred {
		return nil
	}
	if some := s.unseen(key.Type); some != "" {
		return fault.New(fault.Conflict, fault.CodeConflict, "", "%s cannot be deleted with these scopes and roles, whether or not anything refers to it: it takes such as show %s of every patient, which may refer to it", key, some)
	}
	own := keysOf(writes)
	for _, most := range []int{referrersRead, referrersMost} {
		referrers, err := r.Referrers(ctx, key, most)
		if err != nil {
			return err
		}
		whole := len(referrers) < most
		names, err := s.holding(ctx, r, key, slices.DeleteFunc(referrers, func(k fhir.Key) bool { return own[k] }))
		switch {
		case err != nil:
			return err
		case len(names) > 0:
			return fault.New(fault.Conflict, fault.CodeConflict, "", "%s cannot be deleted: %s refer to it; delete or change them first, or all in one transaction", key, strings.Join(names, ", "))
		case whole:
			return nil
		}
	}
	return fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "%s cannot be deleted: more than %d resources refer to it, which is more than are looked through", key, referrersMost)
}

// holding names some of the referrers, those that the session sees and that refer to key as
// it is now.
func (s *Session) holding(ctx context.Context, r store.Reader, key fhir.Key, referrers []fhir.Key) (names []string, err error) {
	slices.SortFunc(referrers, fhir.Key.Compare)
	for some := range slices.Chunk(referrers, referrersRead) {
		seen, err := s.seen(ctx, r, some)
		if err != nil {
			return nil, err
		}
		records, err := r.ReadMany(ctx, slices.DeleteFunc(some, func(k fhir.Key) bool { return !seen[k] }))
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			if held, err := s.door.holds(record, key); err != nil {
				return nil, err
			} else if held {
				names = append(names, record.Key.String())
			}
		}
		if len(names) > referrersNamed {
			break
		}
	}
	slices.Sort(names)
	if len(names) > referrersNamed {
		names = append(names[:referrersNamed], "others")
	}
	return names, nil
}

// unseen is what scopes and roles do not show whole, whatever the patients decided, of what
// must be seen to delete something of a type: of a Patient the record, of what belongs to
// nobody the types of records that may name it. It depends on who asks alone.
func (s *Session) unseen(t fhir.Type) string {
	if s.access == nil {
		return ""
	}
	shows, ok := s.access.(interface{ Whole(t fhir.Type) bool })
	hides := func(t string) bool { return !ok || !shows.Whole(fhir.Type(t)) }
	owned := s.door.ownership.OwnedTypes()
	switch {
	case t == patientType:
		if slices.ContainsFunc(owned, hides) {
			return "the whole record"
		}
	case !slices.Contains(owned, string(t)):
		for _, one := range append(owned, string(patientType)) {
			if s.door.mayName(one, string(t)) && hides(one) {
				return "all resources of type " + one
			}
		}
	}
	return ""
}

// anyTarget is a number of types from which on a parameter is about resources of any type.
const anyTarget = 100

// mayName says whether resources of a type have an element that is there to refer to those
// of another.
func (d *Door) mayName(typeName, target string) bool {
	return slices.ContainsFunc(d.catalogs(), func(c *search.Catalog) bool {
		return slices.ContainsFunc(c.Parameters(typeName), func(p search.Parameter) bool {
			return len(p.Targets) < anyTarget && slices.Contains(p.Targets, target)
		})
	})
}

// holds says whether a resource refers to key as it is now, not to a version.
func (d *Door) holds(record store.Record, key fhir.Key) (bool, error) {
	tree, err := d.tree(record)
	if err != nil {
		return false, err
	}
	versioned := false
	for n := range tree.Root().References() {
		k, version, ok := d.local(tree.Definitions(), n.Text())
		if !ok || k != key {
			continue
		}
		if version == "" {
			return true, nil
		}
		versioned = true
	}
	// Without any literal reference the entry comes from something else, such
	// as a canonical, and counts.
	return !versioned, nil
}
