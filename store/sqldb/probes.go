package sqldb

import (
	"slices"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
)

// probes are what kinds of policies ask for that hints can say. They grow with the kinds and
// are safe for concurrent use.
type probes struct {
	labels bool // of those kinds alone that ask for nothing but labels
	mu     sync.Mutex
	told   []bool // whether hints say all that a kind asks for
	leaves leaves
	now    *inquiry
}

// inquiry is what a statement asks for kinds.
type inquiry struct {
	told   []bool
	leaves *leaves
}

type probesKey struct{ labels bool }

// maxProbes bounds the labels and codes of which kinds of policies have a statement ask.
const maxProbes = 100

// probesOf are kept with each: of all kinds, or of those that ask for labels alone.
func probesOf(each *search.Decisions, labels bool) *probes {
	p, ok := each.Made.Get(probesKey{labels}).(*probes)
	if !ok {
		p = &probes{labels: labels, now: new(inquiry)}
		each.Made.Put(probesKey{labels}, p)
	}
	return p
}

// inquiry is the one of now.
func (p *probes) inquiry() *inquiry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// learn adds kinds up to most.
func (p *probes) learn(each *search.Decisions, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	count, dates := p.leaves.count, len(p.leaves.dates)
	for len(p.told) <= most {
		x := each.Of(len(p.told))
		n, ok := tellable(x, nil)
		if ok = ok && (!p.labels || labelsAlone(x)) && p.leaves.count+n <= maxProbes; ok {
			p.leaves.add(x)
		}
		p.told = append(p.told, ok)
	}
	now := &inquiry{told: slices.Clip(p.told), leaves: p.now.leaves}
	if p.leaves.count != count || len(p.leaves.dates) != dates {
		now.leaves = new(leaves)
		now.leaves.join(&p.leaves)
	}
	p.now = now
}
