package limits

import (
	"hash/maphash"
	"sync"

	"github.com/inglehealth/ingle/store"
)

// shards keep requests that count at once from waiting for each other.
const shards = 64

// table is the account of the keys that were used last, in nanoseconds of the
// limiter's clock. What is used least recently is forgotten, what owes nothing first.
type table struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	most    int
	at      map[uint64]*account // by hash
	newest  *account            // of a ring, in the order of use
	changed []uint64            // accounts to report
	spare   []uint64
}

// account is what a key owes.
type account struct {
	hash         uint64
	key          key
	until        int64 // when its use is made up for
	unreported   int64 // what of it the store was not told
	refused      int64 // neither was it told of these
	changed      bool
	newer, older *account
}

// newTable makes a table for about most keys.
func newTable(most int) *table {
	t := &table{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].most = max(1, most/shards)
		t.shards[i].at = map[uint64]*account{}
	}
	return t
}

func (t *table) shard(hash uint64) *shard { return &t.shards[hash%shards] }

// hash is one that nobody outside can choose keys by.
func (t *table) hash(k key) uint64 {
	kind := (uint64(k.scope)<<8 | uint64(k.meter)) * 0x9e3779b97f4a7c15
	if k.scope == Address {
		a := k.addr.As16()
		return maphash.Bytes(t.seed, a[:]) ^ kind
	}
	return maphash.String(t.seed, k.id) ^ kind
}

// take adds n to what a key owes and returns that, or how long it must wait.
func (t *table) take(k key, p *policy, n, now int64) (owes, wait int64) {
	need := int64(float64(n) * p.interval)
	hash := t.hash(k)
	s := t.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(hash, k, now)
	owes = max(0, a.until-now)
	// More than a burst is let through when nothing is owed: else it never could be.
	if wait = owes + need - p.window; wait > 0 && owes > 0 {
		a.refused++
		s.change(a)
		return owes, min(wait, owes)
	}
	s.owe(a, p, need, now)
	return owes + need, 0
}

// charge adds n to what a key owes, however much that is.
func (t *table) charge(k key, p *policy, n, now int64) {
	hash := t.hash(k)
	s := t.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owe(s.account(hash, k, now), p, int64(float64(n)*p.interval), now)
}

// owe adds nanoseconds to what an account owes.
func (s *shard) owe(a *account, p *policy, need, now int64) {
	a.until = now + min(max(0, a.until-now)+need, maxWindows*p.window)
	if a.unreported += need; a.unreported >= p.large {
		s.change(a)
	}
}

// giveBack takes n from what a key owes.
func (t *table) giveBack(k key, p *policy, n int64) {
	need := int64(float64(n) * p.interval)
	hash := t.hash(k)
	s := t.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.at[hash]; a != nil && a.key == k {
		a.until -= need
		a.unreported -= need
	}
}

// refuse counts a key as refused.
func (t *table) refuse(k key, now int64) {
	hash := t.hash(k)
	s := t.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(hash, k, now)
	a.refused++
	s.change(a)
}

func (s *shard) change(a *account) {
	if !a.changed {
		a.changed = true
		s.changed = append(s.changed, a.hash)
	}
}

// account finds or makes an account, which counts as used by that. Of two keys of one
// hash the later takes the place of the other.
func (s *shard) account(hash uint64, k key, now int64) *account {
	a := s.at[hash]
	if a == s.newest && a != nil && a.key == k {
		return a
	}
	switch {
	case a != nil:
		s.unlink(a)
		if a.key != k {
			*a = account{hash: hash, key: k}
		}
	case len(s.at) >= s.most:
		a = s.forget(now)
		*a = account{hash: hash, key: k}
		s.at[hash] = a
	default:
		a = &account{hash: hash, key: k}
		s.at[hash] = a
	}
	s.link(a)
	return a
}

// looked is how many of those least recently used are looked at for one that can be
// forgotten at no loss.
const looked = 4

// forget gives up an account.
func (s *shard) forget(now int64) *account {
	least := s.newest.newer
	victim := least
	for range looked {
		if least.until <= now && !least.changed {
			victim = least
			break
		}
		least = least.newer
	}
	s.unlink(victim)
	delete(s.at, victim.hash)
	return victim
}

func (s *shard) unlink(a *account) {
	if a.newer == a {
		s.newest = nil
		return
	}
	a.newer.older, a.older.newer = a.older, a.newer
	if s.newest == a {
		s.newest = a.older
	}
}

// link puts an account before the newest: the ring's newest has the least recent as its
// newer one.
func (s *shard) link(a *account) {
	if s.newest == nil {
		a.newer, a.older = a, a
	} else {
		a.older, a.newer = s.newest, s.newest.newer
		a.older.newer, a.newer.older = a, a
	}
	s.newest = a
}

// collect takes up to limit accounts that changed, as the store is told of them.
func (t *table) collect(limit int) (spent []store.LimitSpent) {
	for i := range t.shards {
		spent = t.shards[i].collect(spent, limit)
	}
	return spent
}

func (s *shard) collect(spent []store.LimitSpent, limit int) []store.LimitSpent {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.spare[:0]
	for _, hash := range s.changed {
		a := s.at[hash]
		switch {
		case a == nil || !a.changed: // it was forgotten
		case len(spent) >= limit:
			left = append(left, hash)
		default:
			spent = append(spent, store.LimitSpent{Key: a.key.String(), Owes: nanoseconds(a.unreported), Refused: a.refused})
			a.unreported, a.refused, a.changed = 0, 0, false
		}
	}
	s.changed, s.spare = left, s.changed
	return spent
}

// restore takes back what the store could not be told.
func (t *table) restore(spent []store.LimitSpent, now int64) {
	for _, x := range spent {
		k, ok := parseKey(x.Key)
		if !ok {
			continue
		}
		hash := t.hash(k)
		s := t.shard(hash)
		s.mu.Lock()
		a := s.account(hash, k, now)
		a.unreported += int64(x.Owes)
		a.refused += x.Refused
		s.change(a)
		s.mu.Unlock()
	}
}

// settle puts what all processes together know in the place of what this one knew.
func (t *table) settle(uses []store.LimitUse, in *rules, now int64) {
	for _, u := range uses {
		k, ok := parseKey(u.Key)
		if !ok {
			continue
		}
		p := in.of(k)
		hash := t.hash(k)
		s := t.shard(hash)
		s.mu.Lock()
		if a := s.at[hash]; a != nil && a.key == k && p != nil {
			// Whatever the database's clock did, nobody waits for much longer than a limit takes.
			a.until = now + min(int64(u.Owes), maxWindows*p.window) + a.unreported
		}
		s.mu.Unlock()
	}
}

// maxWindows is how much more than a burst can be owed.
const maxWindows = 8
