package access

import (
	"sync"

	"github.com/inglehealth/ingle/engine/search"
)

// outcomes are what policies come to for askers, each a kind, and what these ask. It is
// safe for concurrent use.
type outcomes struct {
	mu        sync.Mutex
	kinds     map[string]int // by the text of the policy
	policies  []policy       // of each kind
	decisions map[decisionsKey]*search.Decisions
}

// decisionsKey tells apart what is asked of kinds.
type decisionsKey struct {
	o        *Ownership
	types    string // joined by commas
	part     part
	creating bool
	shared   bool // only of types of which a resource may belong to several
}

// maxDecisions bounds the Decisions that are remembered.
const maxDecisions = 1000

func newOutcomes() *outcomes {
	return &outcomes{kinds: map[string]int{}, decisions: map[decisionsKey]*search.Decisions{}}
}

// kind is the number of what a policy comes to.
func (o *outcomes) kind(p policy) int {
	text := string(marshal(p))
	o.mu.Lock()
	defer o.mu.Unlock()
	kind, ok := o.kinds[text]
	if !ok {
		kind = len(o.policies)
		o.kinds[text] = kind
		o.policies = append(o.policies, p)
	}
	return kind
}

// decide is what policies of each kind ask, for all askers.
func (o *outcomes) decide(key decisionsKey, of func(policy) (x search.Expr, again bool)) *search.Decisions {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.decisions[key]
	if d == nil {
		if len(o.decisions) >= maxDecisions {
			clear(o.decisions)
		}
		d = search.RemadeDecisions(func(kind int) (search.Expr, bool) {
			o.mu.Lock()
			p := o.policies[kind]
			o.mu.Unlock()
			return of(p)
		})
		o.decisions[key] = d
	}
	return d
}
