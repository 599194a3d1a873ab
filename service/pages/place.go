package pages

import (
	"slices"

	"github.com/inglehealth/ingle/identity"
)

// Place is one in the menu of a room. It need not be the room's own: the account's
// pages for administrators are places of the console.
type Place struct {
	Name, Path string
	Roles      []identity.Role // who may go there; nil: whoever may enter the room
}

// Menu are the places that a user may go to; address is that of a path.
func (e *Entrance) Menu(u *identity.User, address func(path string) string) []Item {
	var all []Item
	for _, p := range e.Places {
		if p.Roles == nil || slices.ContainsFunc(p.Roles, u.Has) {
			all = append(all, Item{Name: p.Name, Address: address(p.Path)})
		}
	}
	return all
}

// At is the entrance whose menu has a path; nil for none.
func (h *House) At(path string) *Entrance {
	for i, e := range h.Entrances {
		if slices.ContainsFunc(e.Places, func(p Place) bool { return p.Path == path }) {
			return &h.Entrances[i]
		}
	}
	return nil
}
