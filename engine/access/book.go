package access

import (
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
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
	renewed  int // how many policies there were when it was renewed
	views    map[string]*view
	actors   map[string]bool // types of the actors that policies name
	outcomes *outcomes
}

type numbered struct {
	number int64
	policy policy
}

// view is what the policies come to for one asker.
type view struct {
	done int          // of the Book's policies
	seen map[int]bool // kinds
	concerned
}

// concerned are the kinds of the policies that concern an asker, up to the last one.
type concerned struct {
	kinds    *search.Kinds
	present  []int // in the order in which they first came
	last     int64
	outcomes *outcomes
}

// maxViews bounds the askers whose views are remembered.
const maxViews = 500

// NewBook makes an empty Book.
func NewBook(d Defaults) *Book {
	return &Book{d, newShelf()}
}

func newShelf() *shelf {
	return &shelf{views: map[string]*view{}, actors: map[string]bool{}, outcomes: newOutcomes()}
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
		b.put(numbered{number, p})
	}
}

func (b *shelf) put(n numbered) {
	b.policies = append(b.policies, n)
	for _, together := range n.policy {
		for i := range together {
			b.mention(&together[i])
		}
	}
}

// fewPolicies are so many that those which have gone need not be forgotten.
const fewPolicies = 1000

// Stale says whether so many policies came since the Book was renewed, or made, that
// many may have gone.
func (b *Book) Stale() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.policies) > 2*b.renewed+fewPolicies
}

// Renew forgets all policies but those that there are, and the later ones. Rules that
// were made before stay as they are.
func (b *Book) Renew(there []int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.policies
	b.policies, b.views, b.actors, b.outcomes = nil, map[string]*view{}, map[string]bool{}, newOutcomes()
	for _, n := range all {
		if _, is := slices.BinarySearch(there, n.number); is || len(there) == 0 || n.number > there[len(there)-1] {
			b.put(n)
		}
	}
	b.renewed = len(b.policies)
}

func (b *shelf) mention(r *rule) {
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
func (b *Book) concerning(a *Asker, writing bool) concerned {
	if a.Exempt {
		return concerned{kinds: new(search.Kinds)}
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
		v = &view{seen: map[int]bool{}, concerned: concerned{kinds: new(search.Kinds), outcomes: b.outcomes}}
		b.views[key] = v
	}
	for ; v.done < len(b.policies); v.done++ {
		n := &b.policies[v.done]
		if p := n.policy.concerning(a, writing); p != nil {
			kind := b.outcomes.kind(p)
			v.kinds.Add(n.number, kind)
			if !v.seen[kind] {
				v.seen[kind] = true
				v.present = append(v.present, kind)
			}
		}
		v.last = n.number
	}
	return v.concerned
}
