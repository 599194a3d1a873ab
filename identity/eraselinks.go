package identity

import (
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// EraseLinks unties the users of a tenant from a resource that is erased, ends their
// sessions and grants, and disables those who are patients or proxies and are then tied
// to nothing. It returns how many users it changed. Another change of a user that comes
// between is ErrConflict.
func EraseLinks(ctx context.Context, items store.Identity, key fhir.Key) (int64, error) {
	changed := int64(0)
	for {
		users, err := decodeUsers(items.FindItems(ctx, kindUser, store.ItemKey{Name: "link", Value: key.String()}, "", 100))
		if err != nil || len(users) == 0 {
			return changed, err
		}
		for _, u := range users {
			u.Links = slices.DeleteFunc(u.Links, func(l Link) bool { return l.Key() == key })
			others := slices.ContainsFunc(u.Roles, func(r Role) bool { return r != Patient && r != Proxy })
			u.Disabled = u.Disabled || len(u.Links) == 0 && !others
			var c changes
			c.end(&u)
			c.putUser(&u, u.Version)
			if c.err != nil {
				return changed, c.err
			}
			err := items.WriteItems(ctx, c.epoch, c.list...)
			if errors.Is(err, store.ErrVersion) {
				err = ErrConflict
			}
			if err != nil {
				return changed, err
			}
			changed++
		}
	}
}
