package access

import (
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
	mu        sync.Mutex
	policies  []numbered
	views     map[string]*view
	actors    map[string]bool // types of the actors that policies name
	kinds     map[string]int  // of what policies come to for askers, by its text
	decided   []policy        // of each kind
	decisions map[decisionsKey]*search.Decisions
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
	kinds   *search.Kinds
	present []int // in the order in which they first came
	last    int64
}

// maxViews bounds the askers whose views are remembered.
const maxViews = 500

// NewBook makes an empty Book.
func NewBook(d Defaults) *Book {
	return &Book{d, newShelf()}
}

func newShelf() *shelf {
	return &shelf{views: map[string]*view{}, actors: map[string]bool{}, kinds: map[string]int{}, decisions: map[decisionsKey]*search.Decisions{}}
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
		v = &view{seen: map[int]bool{}, concerned: concerned{kinds: new(search.Kinds)}}
		b.views[key] = v
	}
	for ; v.done < len(b.policies); v.done++ {
		n := &b.policies[v.done]
		if p := n.policy.concerning(a, writing); p != nil {
			kind := b.kind(p)
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

// kind is the number of what policies come to.
func (b *shelf) kind(p policy) int {
	text := string(marshal(p))
	kind, ok := b.kinds[text]
	if !ok {
		kind = len(b.decided)
		b.kinds[text] = kind
		b.decided = append(b.decided, p)
	}
	return kind
}

// decisionsKey tells apart what is asked of kinds of policies.
type decisionsKey struct {
	o        *Ownership
	types    string // joined by commas
	of       part
	creating bool
}

// maxDecisions bounds the Decisions that are remembered.
const maxDecisions = 1000

// decide is what policies of each kind ask, for all askers.
func (b *shelf) decide(key decisionsKey, of func(policy) search.Expr) *search.Decisions {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.decisions[key]
	if d == nil {
		if len(b.decisions) >= maxDecisions {
			clear(b.decisions)
		}
		d = search.NewDecisions(func(kind int) search.Expr {
			b.mu.Lock()
			p := b.decided[kind]
			b.mu.Unlock()
			return of(p)
		})
		b.decisions[key] = d
	}
	return d
}
