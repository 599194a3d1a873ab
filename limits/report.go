package limits

import (
	"context"
	"time"
)

const (
	reportEvery = 250 * time.Millisecond // how often the store is told
	reportMost  = 1_000                  // accounts at once
	reloadEvery = 4                      // reports after which the rules are looked at
	heldLease   = 5 * time.Second        // how long what a process holds counts when it says nothing more
	sweepEvery  = 10 * time.Minute
	sweepMost   = 10_000
	sweepUnused = 24 * time.Hour // how long it is known who was refused
)

// Work tells the store what was used, and takes what others used and the rules from it,
// until ctx ends.
func (l *Limiter) Work(ctx context.Context) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			l.tell(context.WithoutCancel(ctx))
			return
		case <-tick.C:
		}
		l.tell(ctx)
		if n%reloadEvery == 0 {
			l.noteAway(ctx, l.Reload(ctx))
		}
	}
}

// tell is Report, whose error is but logged: each process goes by what it knows.
func (l *Limiter) tell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, heldLease)
	defer cancel()
	l.noteAway(ctx, l.Report(ctx))
}

// noteAway logs once that the store does not answer.
func (l *Limiter) noteAway(ctx context.Context, err error) {
	if err != nil && !l.away && ctx.Err() == nil {
		l.config.Log.WarnContext(ctx, "limits are not shared with other processes just now", "error", err)
	}
	l.away = err != nil
}

// Report tells the store what was used since the last report, and takes what all
// processes used from it.
func (l *Limiter) Report(ctx context.Context) error {
	l.reporting.Lock()
	defer l.reporting.Unlock()
	if spent := l.table.collect(reportMost); len(spent) > 0 {
		uses, err := l.config.Store.SpendLimits(ctx, spent)
		if err != nil {
			l.table.restore(spent, l.now())
			return err
		}
		l.table.settle(uses, l.rules.Load(), l.now())
	}
	if held := l.flights.large(l.rules.Load()); len(held) > 0 || l.holding {
		others, err := l.config.Store.HoldLimits(ctx, l.process, held, heldLease)
		if err != nil {
			return err
		}
		l.flights.heed(others)
		l.holding = len(held) > 0
	}
	if now := l.config.Clock(); now.Sub(l.swept) > sweepEvery {
		l.swept = now
		_, err := l.config.Store.SweepLimits(ctx, sweepUnused, sweepMost)
		return err
	}
	return nil
}
