package pages

import (
	"cmp"
	"slices"

	"github.com/inglehealth/ingle/identity"
)

// Place is one in the menu of a room. It need not be the room's own: the account's
// pages for administrators are places of the console.
type Place struct {
	Name, Path string
	Group      string          // of places that are shown together; "": it stands by itself
	Roles      []identity.Role // who may go there; nil: whoever may enter the room
}

// Menu are the places that a user may go to; address is that of a path.
func (e *Entrance) Menu(u *identity.User, address func(path string) string) []Item {
	var all []Item
	for _, p := range e.Places {
		if p.Roles == nil || slices.ContainsFunc(p.Roles, u.Has) {
			all = append(all, Item{Name: p.Name, Group: p.Group, Address: address(p.Path)})
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

// Groups are the upper row of a menu whose places have groups: each leads to its first
// place. It is nil for a menu without.
func (f Frame) Groups() []Item {
	if !slices.ContainsFunc(f.Places, func(p Item) bool { return p.Group != "" }) {
		return nil
	}
	var all []Item
	for _, p := range f.Places {
		if n := len(all); p.Group != "" && n > 0 && all[n-1].Group == p.Group {
			all[n-1].Here = all[n-1].Here || p.Here
			continue
		}
		if p.Group != "" {
			p.Name = p.Group
		}
		all = append(all, p)
	}
	return all
}

// Near are the places beside the page: those of its group, or all of a menu without
// groups. One alone is none.
func (f Frame) Near() []Item {
	group := ""
	for _, p := range f.Places {
		if p.Here {
			group = p.Group
		}
	}
	if group == "" && f.Groups() != nil {
		return nil
	}
	near := slices.DeleteFunc(slices.Clone(f.Places), func(p Item) bool { return p.Group != group })
	if len(near) == 1 {
		return nil
	}
	return near
}

// Shelf is a part of the menu of narrow pages.
type Shelf struct {
	Name  string
	Items []Item
}

// Shelves are the menu of narrow pages, which has all places there are: those of the
// room by their groups, then the rooms.
func (f Frame) Shelves() []Shelf {
	var all []Shelf
	group := ""
	for i, p := range f.Places {
		if i == 0 || p.Group != group {
			all = append(all, Shelf{Name: cmp.Or(p.Group, f.Room, "Places")})
		}
		group = p.Group
		last := &all[len(all)-1]
		last.Items = append(last.Items, p)
	}
	if len(f.Menu) > 0 {
		all = append(all, Shelf{"Rooms", f.Menu})
	}
	return all
}
