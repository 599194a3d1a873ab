package limits

import (
	"sync"
	"sync/atomic"
)

// flights count the requests at once of each key, of this process.
type flights struct {
	shards [shards]struct {
		mu sync.Mutex
		n  map[key]int64
	}
	others atomic.Pointer[map[key]int64] // of the other processes, as far as they told
}

func (f *flights) init() {
	for i := range f.shards {
		f.shards[i].n = map[key]int64{}
	}
	f.others.Store(&map[key]int64{})
}

// enter counts a request of a key unless it has as many as it may.
func (f *flights) enter(t *table, k key, limit int64) (left int64, ok bool) {
	if others := *f.others.Load(); len(others) > 0 {
		limit -= others[k]
	}
	s := &f.shards[t.hash(k)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.n[k]
	if n >= limit {
		return 0, false
	}
	s.n[k] = n + 1
	return limit - n - 1, true
}

func (f *flights) leave(t *table, k key) {
	s := &f.shards[t.hash(k)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.n[k] - 1; n > 0 {
		s.n[k] = n
	} else {
		delete(s.n, k)
	}
}

// large are the keys that have a part of what they may, as the store is told of them.
func (f *flights) large(in *rules) map[string]int64 {
	held := map[string]int64{}
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		for k, n := range s.n {
			if p := in.of(k); p != nil && n*reportShare >= p.Limit.Amount {
				held[k.String()] = n
			}
		}
		s.mu.Unlock()
	}
	return held
}

// heed takes what others hold.
func (f *flights) heed(others map[string]int64) {
	by := make(map[key]int64, len(others))
	for text, n := range others {
		if k, ok := parseKey(text); ok {
			by[k] = n
		}
	}
	f.others.Store(&by)
}

// Flight is a request that is under way.
type Flight struct {
	limiter *Limiter
	who     Who
	in      [scopes]bool
}

// retryFull is how long who has too many requests at once is told to wait: one of them
// ends.
const retryFull = 1e9

// Begin counts a request at once for all whom it counts for, unless one of them has as
// many as it may. The caller Ends the flight.
func (l *Limiter) Begin(who Who) (f Flight, v Verdict) {
	f = Flight{limiter: l, who: who}
	in := l.rules.Load()
	for s := range scopes {
		k, ok := who.key(s, InFlight)
		if !ok {
			continue
		}
		p := in.of(k)
		if p == nil {
			continue
		}
		left, ok := l.flights.enter(l.table, k, p.Limit.Amount)
		if !ok {
			f.End()
			l.counts[s][InFlight].refused.Add(1)
			l.table.refuse(k, l.now())
			return Flight{}, Verdict{Refused: true, Wait: retryFull, policy: p}
		}
		f.in[s] = true
		l.counts[s][InFlight].taken.Add(1)
		if v.policy == nil || left < v.left {
			v = Verdict{left: left, policy: p}
		}
	}
	return f, v
}

// End counts the request no more.
func (f Flight) End() {
	for s, in := range f.in {
		if in {
			k, _ := f.who.key(Scope(s), InFlight)
			f.limiter.flights.leave(f.limiter.table, k)
		}
	}
}
