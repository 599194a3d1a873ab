package records

import (
	"context"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

const (
	referrersNamed  = 5      // in the message
	referrersRead   = 100    // at a time
	referrersLooked = 10_000 // at most
)

// unreferred refuses to delete what others refer to, and names some of them.
// References to a version do not count, for versions outlive the delete. What
// the same transaction writes was checked before: only a Provenance of the
// delete itself can refer to it.
//
// Those that the session does not see are not named. Of a patient, and what belongs to
// one, they refuse nothing, either: whether it can be deleted would tell of them. Their
// references lead to a deleted resource then, whose history stays. What belongs to
// nobody is not deleted under them: that something refers to it is no secret of any
// patient's, and too much would hang in the air.
func (s *Session) unreferred(ctx context.Context, r store.Reader, key fhir.Key, writes []store.Write) error {
	d := s.door
	if d.policy.AllowDeleteReferred {
		return nil
	}
	if key.Type == patientType && !s.wholeRecords() {
		return fault.New(fault.Conflict, fault.CodeConflict, "", "%s cannot be deleted with these scopes and roles, whether or not anything refers to it: it takes such as show the whole record of every patient", key)
	}
	referrers, err := r.Referrers(ctx, key, referrersLooked)
	if err != nil || len(referrers) == 0 {
		return err
	}
	discreet := s.access != nil && (key.Type == patientType || slices.Contains(d.ownership.OwnedTypes(), string(key.Type))) && len(referrers) < referrersLooked
	own := keysOf(writes)
	referrers = slices.DeleteFunc(referrers, func(k fhir.Key) bool { return own[k] })
	slices.SortFunc(referrers, fhir.Key.Compare)
	var names []string
	hidden := false
	for len(referrers) > 0 && len(names) <= referrersNamed {
		n := min(len(referrers), referrersRead)
		records, err := r.ReadMany(ctx, referrers[:n])
		if err != nil {
			return err
		}
		seen, err := s.seen(ctx, r, referrers[:n])
		if err != nil {
			return err
		}
		referrers = referrers[n:]
		for _, record := range records {
			if held, err := d.holds(record, key); err != nil {
				return err
			} else if held && seen[record.Key] {
				names = append(names, record.Key.String())
			} else if held && !discreet {
				hidden = true
			}
		}
	}
	if len(names) == 0 && !hidden {
		return nil
	}
	slices.Sort(names)
	if len(names) == 0 || len(names) > referrersNamed {
		names = append(names[:min(len(names), referrersNamed)], "others")
	}
	return fault.New(fault.Conflict, fault.CodeConflict, "", "%s cannot be deleted: %s refer to it; delete or change them first, or all in one transaction", key, strings.Join(names, ", "))
}

// wholeRecords says whether scopes and roles show all that belongs to patients, whatever
// the patients decided. Others would delete a Patient under records of which they see
// nothing, or learn that there are some.
func (s *Session) wholeRecords() bool {
	if s.access == nil {
		return true
	}
	shows, ok := s.access.(interface{ Whole(t fhir.Type) bool })
	return ok && !slices.ContainsFunc(s.door.ownership.OwnedTypes(), func(t string) bool { return !shows.Whole(fhir.Type(t)) })
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
