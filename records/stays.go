package records

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// manyNeeds is from how many on it pays to tell what a unit needs anew from what was
// referred to before.
const manyNeeds = 256

// stay moves those of u.needs to u.stays to which the version before the only write refers
// as well. If there are few of them it leaves everything as it is.
func (d *Door) stay(u *unit, before store.Record) error {
	if len(u.needs) < manyNeeds || d.release(before.Release) == nil {
		return nil
	}
	tree, err := d.tree(before)
	if err != nil {
		return err
	}
	former := make(map[fhir.Key]bool, len(u.needs))
	for n := range tree.Root().References() {
		if key, version, ok := d.local(tree.Definitions(), n.Text()); ok && version == "" {
			former[key] = true
		}
	}
	var fresh, stays []fhir.Key
	for _, key := range u.needs {
		if former[key] {
			stays = append(stays, key)
		} else {
			fresh = append(fresh, key)
		}
	}
	if len(stays) >= manyNeeds {
		u.needs, u.stays = fresh, stays
	}
	return nil
}

// require fails with store.ErrMissing unless what the unit needs is there. What stays was
// mostly there since the version before was written: of that only what was lost meanwhile is
// looked at. That is asked before the write, so that if it is of another version than was
// expected, the write fails.
func (u *unit) require(ctx context.Context, tx store.Tx) error {
	needs := u.needs
	if len(u.stays) > 0 {
		lost, err := tx.Lost(ctx, u.writes[0].Key)
		if err != nil {
			return err
		}
		for _, key := range lost {
			if _, found := slices.BinarySearchFunc(u.stays, key, fhir.Key.Compare); found {
				needs = append(slices.Clip(needs), key)
			}
		}
	}
	if len(needs) == 0 {
		return nil
	}
	return tx.Require(ctx, needs)
}
