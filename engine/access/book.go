package access

import (
	"slices"
	"strings"
	"sync"
)

// Book has the policies of all patients, and what holds where they say nothing. It
// is safe for concurrent use.
type Book struct {
	defaults Defaults
	*shelf
}

// shelf is what Books of other defaults share.
type shelf struct {
	mu       sync.Mutex
	policies []numbered
	views    map[string]*view
	actors   map[string]bool // types of the actors that policies name
}

type numbered struct {
	number int64
	policy policy
}

// view is what the policies come to for one asker: those that come to the same
// together.
type view struct {
	done   int // of the Book's policies
	groups []*group
	byText map[string]*group
}

// group are policies that come to the same for an asker.
type group struct {
	policy  policy
	numbers []int64
}

// maxViews bounds the askers whose views are remembered.
const maxViews = 500

// NewBook makes an empty Book.
func NewBook(d Defaults) *Book {
	return &Book{d, &shelf{views: map[string]*view{}, actors: map[string]bool{}}}
}

// Under is the Book with other defaults: what either is given both have.
func (b *Book) Under(d Defaults) *Book { return &Book{d, b.shelf} }

// Last is the greatest number of a policy in the Book.
func (b *Book) Last() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last()
}

func (b *Book) last() int64 {
	if len(b.policies) == 0 {
		return 0
	}
	return b.policies[len(b.policies)-1].number
}

// Add adds a policy, as Policies wrote it, unless one with that number or a greater
// one is there. One that cannot be read hides everything.
func (b *Book) Add(number int64, text string) {
	p, err := readPolicy(text)
	if err != nil {
		p = policy{{rule{Deny: true}}}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if number > b.last() {
		b.policies = append(b.policies, numbered{number, p})
		for _, together := range p {
			for i := range together {
				b.mention(&together[i])
			}
		}
	}
}

func (b *Book) mention(r *rule) {
	for _, a := range r.Actors {
		t, _, _ := strings.Cut(a, "/")
		b.actors[t] = true
	}
	for i := range r.Rules {
		b.mention(&r.Rules[i])
	}
}

// Mentions says whether a policy names a resource of a type as an actor.
func (b *Book) Mentions(typeName string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.actors[typeName]
}

// concerning returns the policies that concern an asker, by what they come to, and
// the greatest number that was looked at.
func (b *Book) concerning(a *Asker, writing bool) (groups []group, last int64) {
	if a.Exempt {
		return nil, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	key := a.key()
	if writing {
		key += "\x00w"
	}
	v := b.views[key]
	if v == nil {
		if len(b.views) >= maxViews {
			clear(b.views)
		}
		v = &view{byText: map[string]*group{}}
		b.views[key] = v
	}
	for ; v.done < len(b.policies); v.done++ {
		n := &b.policies[v.done]
		p := n.policy.concerning(a, writing)
		if p == nil {
			continue
		}
		text := string(marshal(p))
		g := v.byText[text]
		if g == nil {
			g = &group{policy: p}
			v.byText[text] = g
			v.groups = append(v.groups, g)
		}
		g.numbers = append(g.numbers, n.number)
	}
	groups = make([]group, len(v.groups))
	for i, g := range v.groups {
		groups[i] = group{g.policy, slices.Clip(g.numbers)}
	}
	return groups, b.last()
}
