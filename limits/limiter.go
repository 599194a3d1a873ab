package limits

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/store"
)

// Config is what a Limiter needs.
type Config struct {
	Store interface {
		store.Limits
		store.Settings
	}
	Clock    func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: nothing is logged
	Defaults []Rule           // nil: Defaults(); empty: there are no limits but those that are set
	Kept     int              // accounts in memory; 0: 65536
}

// Limiter keeps the limits of one tenant. It is safe for concurrent use.
type Limiter struct {
	config  Config
	begun   time.Time
	process string
	rules   atomic.Pointer[rules]
	table   *table
	flights flights
	counts  [scopes][meters]count64
	setting struct {
		sync.Mutex
		text []byte
	}
	away bool // the store did not answer; of Work

	reporting sync.Mutex
	holding   bool // the store was told of requests in flight
	swept     time.Time
}

type count64 struct{ taken, refused atomic.Int64 }

// Open makes a Limiter by the rules that the store has.
func Open(ctx context.Context, c Config) (*Limiter, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Defaults == nil {
		c.Defaults = Defaults()
	}
	if c.Kept == 0 {
		c.Kept = 1 << 16
	}
	l := &Limiter{config: c, begun: c.Clock(), process: uuid.NewString(), table: newTable(c.Kept), swept: c.Clock()}
	l.flights.init()
	l.rules.Store(newRules(0, c.Defaults, nil))
	return l, l.Reload(ctx)
}

// now is nanoseconds since the limiter was made, by a clock that nobody sets.
func (l *Limiter) now() int64 { return int64(l.config.Clock().Sub(l.begun)) }

// Verdict says what a limit has to say. The zero one is of no limit.
type Verdict struct {
	Refused bool
	Wait    time.Duration // until it may be tried again, if it is refused
	left    int64
	reset   time.Duration
	policy  *policy
}

// Take takes n of what a meter counts for all whom it counts for, or, when one of them
// has no more, nothing. The verdict is that of the limit that is nearest.
func (l *Limiter) Take(m Meter, who Who, n int64) Verdict {
	return l.TakeAt(l.now(), m, who, n)
}

// TakeAt is Take at a time, in nanoseconds as now gives it.
func (l *Limiter) TakeAt(now int64, m Meter, who Who, n int64) (v Verdict) {
	in := l.rules.Load()
	var took [scopes]*policy
	nearest := 2.0
	for s := range scopes {
		k, ok := who.key(s, m)
		if !ok {
			continue
		}
		p := in.of(k)
		if p == nil {
			continue
		}
		owes, wait := l.table.take(k, p, n, now)
		if wait > 0 {
			for earlier := range s {
				if took[earlier] != nil {
					k, _ := who.key(earlier, m)
					l.table.giveBack(k, took[earlier], n)
				}
			}
			l.counts[s][m].refused.Add(1)
			return Verdict{Refused: true, Wait: time.Duration(wait), reset: time.Duration(wait), policy: p}
		}
		took[s] = p
		l.counts[s][m].taken.Add(n)
		if free := float64(p.window-owes) / float64(p.window); free < nearest {
			nearest = free
			v = Verdict{left: max(0, int64(float64(p.window-owes)/p.interval)), reset: time.Duration(owes), policy: p}
		}
	}
	return v
}

// Charge takes n of what was used already, whatever there is left.
func (l *Limiter) Charge(m Meter, who Who, n int64) {
	in, now := l.rules.Load(), l.now()
	for s := range scopes {
		if k, ok := who.key(s, m); ok {
			if p := in.of(k); p != nil {
				l.table.charge(k, p, n, now)
				l.counts[s][m].taken.Add(n)
			}
		}
	}
}

// GiveBack gives back what Take took and was not needed after all.
func (l *Limiter) GiveBack(m Meter, who Who, n int64) {
	in := l.rules.Load()
	for s := range scopes {
		if k, ok := who.key(s, m); ok {
			if p := in.of(k); p != nil {
				l.table.giveBack(k, p, n)
			}
		}
	}
}

// Query is what the limits say to a search that is estimated to look at cost resources:
// whether one search may cost so much, then whether so much is left.
func (l *Limiter) Query(who Who, cost int64) Verdict {
	in := l.rules.Load()
	for s := range scopes {
		k, ok := who.key(s, QueryCost)
		if !ok {
			continue
		}
		if p := in.of(k); p != nil && cost > p.Limit.Amount {
			l.counts[s][QueryCost].refused.Add(1)
			l.table.refuse(k, l.now())
			return Verdict{Refused: true, policy: p}
		}
	}
	return l.Take(Cost, who, cost)
}
