package sqldb

import (
	"context"
	"slices"
	"strings"
)

// basis is what conditions depend on besides the search tree.
type basis struct {
	unknown  []name // had no number: see absent
	listings []listing
}

// listing are the numbers of the parameters of a code, whatever their type; with code ""
// those of all resource types.
type listing struct {
	code    string
	numbers []int64
}

// sightings are what one query found of names in the tables: it asks for each once.
type sightings struct {
	absent   map[name]bool
	listings map[string][]int64
}

func newSightings() *sightings {
	return &sightings{map[name]bool{}, map[string][]int64{}}
}

// number is that of a name, found by find.
func (c *compiler) number(space Space, text string, find func(context.Context, DB, Space, string) (int64, error)) int64 {
	text = Clean(text)
	n := name{space, text}
	if c.seen.absent[n] {
		return c.absent(space, text, Unknown)
	}
	id, err := find(c.ctx, c.db, space, text)
	c.fail(err)
	if id == Unknown && err == nil {
		c.seen.absent[n] = true
	}
	return c.absent(space, text, id)
}

// every is the listing of a code.
func (c *compiler) every(code string) []int64 {
	code = Clean(code)
	l := listing{code, c.listed(code)}
	c.note(l)
	return l.numbers
}

func (c *compiler) listed(code string) []int64 {
	numbers, ok := c.seen.listings[code]
	if !ok {
		var err error
		numbers, err = c.names.listing(c.ctx, c.db, code)
		c.fail(err)
		c.seen.listings[code] = numbers
	}
	return numbers
}

// stands says whether what conditions were made by is as it was.
func (c *compiler) stands(b basis) bool {
	if c.anyKnown(b.unknown) {
		return false
	}
	if c.names.Make != nil { // others make names, too
		now := compiler{ctx: c.ctx, db: c.db, seen: c.seen}
		for _, n := range b.unknown {
			if now.number(n.space, n.text, c.names.Find) != Unknown {
				return false
			}
		}
		c.fail(now.err)
	}
	return !slices.ContainsFunc(b.listings, func(l listing) bool { return !slices.Equal(c.listed(l.code), l.numbers) })
}

// add notes what other conditions depend on.
func (b *basis) add(other basis) {
	for _, n := range other.unknown {
		b.lack(n)
	}
	for _, l := range other.listings {
		b.note(l)
	}
}

func (b *basis) lack(n name) {
	if !slices.Contains(b.unknown, n) {
		b.unknown = append(b.unknown, n)
	}
}

func (b *basis) note(l listing) {
	if !slices.ContainsFunc(b.listings, func(one listing) bool { return one.code == l.code }) {
		b.listings = append(b.listings, l)
	}
}

// listing returns the numbers of the parameters of a code, in rising order; with code ""
// those of all types that occur.
func (n *Names) listing(ctx context.Context, db DB, code string) (numbers []int64, err error) {
	if n.Make == nil {
		if !n.loaded.Load() {
			if err := n.Load(ctx, db); err != nil {
				return nil, err
			}
			n.loaded.Store(true)
		}
		n.mu.RLock()
		numbers = n.listings[code]
		n.mu.RUnlock()
	} else {
		text, args := "SELECT id FROM name WHERE space = ? ORDER BY id", []any{int64(TypeSpace)}
		if code != "" {
			text, args = "SELECT id FROM name WHERE space = ? AND text >= ? AND text < ? ORDER BY id", []any{int64(ParamSpace), code + " ", code + "!"}
		}
		err = ForEach(ctx, db, n.dialect.Rebind(text), args, func(r Rows) error {
			var id int64
			err := r.Scan(&id)
			numbers = append(numbers, id)
			return err
		})
	}
	if len(numbers) == 0 && code != "" {
		numbers = []int64{Unknown}
	}
	return numbers, err
}

// list puts a name that is new into its listing, or takes it out.
func (n *Names) list(k name, id int64, in bool) {
	code, _, isParam := strings.Cut(k.text, " ")
	switch {
	case k.space == TypeSpace:
		code = ""
	case k.space != ParamSpace || !isParam:
		return
	}
	at, there := slices.BinarySearch(n.listings[code], id)
	switch numbers := slices.Clone(n.listings[code]); { // others read it
	case in && !there:
		n.listings[code] = slices.Insert(numbers, at, id)
	case !in && there:
		n.listings[code] = slices.Delete(numbers, at, at+1)
	}
}
