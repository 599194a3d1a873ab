package limits

import (
	"context"
	"math"
	"time"
)

// Count is what a meter counted for a scope in this process since it was started.
type Count struct {
	Scope   Scope
	Meter   Meter
	Taken   int64 // of what the meter counts
	Refused int64 // times
}

// Counts are those that are not zero. It waits for nothing.
func (l *Limiter) Counts() (all []Count) {
	for s := range scopes {
		for m := range meters {
			c := &l.counts[s][m]
			if one := (Count{s, m, c.taken.Load(), c.refused.Load()}); one.Taken+one.Refused > 0 {
				all = append(all, one)
			}
		}
	}
	return all
}

// Refusals is how often something was refused in this process since it was started.
func (l *Limiter) Refusals() (n int64) {
	for _, c := range l.Counts() {
		n += c.Refused
	}
	return n
}

// Use is how much of a limit is used, by what all processes told.
type Use struct {
	Scope   Scope
	ID      string
	Meter   Meter
	Limit   Limit
	Used    int64         // of the burst
	Refused int64         // times on the last day
	Since   time.Duration // how long ago that was told
}

// Uses are up to limit of those used last.
func (l *Limiter) Uses(ctx context.Context, limit int) ([]Use, error) {
	if err := l.Report(ctx); err != nil {
		return nil, err
	}
	list, err := l.config.Store.ListLimits(ctx, limit)
	if err != nil {
		return nil, err
	}
	in := l.rules.Load()
	all := make([]Use, 0, len(list))
	for _, u := range list {
		k, ok := parseKey(u.Key)
		if !ok {
			continue
		}
		use := Use{Scope: k.scope, ID: k.ID(), Meter: k.meter, Limit: None(), Refused: u.Refused, Since: u.Since}
		if p := in.of(k); p != nil {
			use.Limit = p.Limit
			if p.interval > 0 {
				use.Used = min(int64(math.Round(float64(u.Owes)/p.interval)), p.Limit.Burst)
			}
		}
		all = append(all, use)
	}
	return all, nil
}
