package limits_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/store"
)

// Two processes that are asked as fast as they can let through no more than the limit
// and what the documentation of the package says.
func TestProcessesShareALimitWithinABound(t *testing.T) {
	databases(t, func(t *testing.T, a, b store.Store) {
		const rate, burst = 200, 400
		first, second := &told{Store: a, at: time.Now()}, &told{Store: b, at: time.Now()}
		one := on(t, first, time.Now, "user requests 200/s burst 400")
		other := on(t, second, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		var let atomic.Int64
		ended := make(chan struct{})
		for _, l := range []*limits.Limiter{one, other} {
			go func() { l.Work(ctx); ended <- struct{}{} }()
			go func() {
				for ctx.Err() == nil {
					if !l.Take(limits.Requests, someone, 1).Refused {
						let.Add(1)
					}
					time.Sleep(100 * time.Microsecond)
				}
				ended <- struct{}{}
			}()
		}
		began := time.Now()
		time.Sleep(4 * time.Second)
		stop()
		for range 4 {
			<-ended
		}
		passed := time.Since(began).Seconds()
		between := first.longest() + second.longest() // more than 2 × 0.25 s, on a busy machine
		bound := rate*passed + 2*burst*9/8 + 2*rate*between
		if n := float64(let.Load()); n > bound || n < rate*passed/2 {
			t.Errorf("%.0f were let through in %.1f s: at most %.0f may be", n, passed, bound)
		}
		// What was too much is owed, to both.
		for _, l := range []*limits.Limiter{one, other} {
			if err := l.Report(context.WithoutCancel(ctx)); err != nil {
				t.Error(err)
			}
		}
		uses, err := one.Uses(t.Context(), 10)
		if err != nil || len(uses) != 1 || uses[0].ID != "maria" || uses[0].Refused == 0 || uses[0].Used == 0 {
			t.Errorf("%+v, %v", uses, err)
		}
	})
}

// What one process let through is refused by the other, once they have told.
func TestAProcessRefusesWhatAnotherLetThrough(t *testing.T) {
	databases(t, func(t *testing.T, a, b store.Store) {
		if a == b {
			t.Skip("one process has the database")
		}
		one := on(t, a, time.Now, "user requests 800/day")
		other := on(t, b, time.Now)
		if n := taken(one, limits.Requests, someone, 1000); n != 800 {
			t.Errorf("%d of 800", n)
		}
		report(t, one)
		n := taken(other, limits.Requests, someone, 100) // an eighth, which it tells
		report(t, other)
		if n != 100 {
			t.Errorf("%d of those that it knows nothing of", n)
		}
		if n := taken(other, limits.Requests, someone, 10); n != 0 {
			t.Errorf("%d more than there may be", n)
		}
	})
}

func report(t *testing.T, l *limits.Limiter) {
	t.Helper()
	if err := l.Report(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestProcessesShareRequestsAtOnce(t *testing.T) {
	databases(t, func(t *testing.T, a, b store.Store) {
		if a == b {
			t.Skip("one process has the database")
		}
		one, other := on(t, a, time.Now, "user in-flight 8"), on(t, b, time.Now)
		begin := func(l *limits.Limiter) (all []limits.Flight) {
			for {
				f, v := l.Begin(someone)
				if v.Refused {
					return all
				}
				all = append(all, f)
			}
		}
		first := begin(one)
		report(t, one)
		f, v := other.Begin(someone)
		if v.Refused {
			t.Fatal("a process that was told nothing refuses")
		}
		report(t, other)
		if more := begin(other); len(first) != 8 || len(more) != 0 {
			t.Errorf("%d in one process, and %d more in another", len(first), len(more))
		}
		for _, f := range first {
			f.End()
		}
		report(t, one)
		report(t, other)
		if more := begin(other); len(more) != 7 {
			t.Errorf("%d more after those of the other have ended", len(more))
		}
		f.End()
	})
}

// away is a store that does not answer.
type away struct {
	store.Store
	gone atomic.Bool
}

func (a *away) SpendLimits(ctx context.Context, spent []store.LimitSpent) ([]store.LimitUse, error) {
	if a.gone.Load() {
		return nil, store.ErrAway
	}
	return a.Store.SpendLimits(ctx, spent)
}

func TestAStoreThatIsAwayHindersNobodyAndIsToldLater(t *testing.T) {
	databases(t, func(t *testing.T, a, b store.Store) {
		s := &away{Store: a}
		l := on(t, s, time.Now, "user requests 800/day")
		s.gone.Store(true)
		if n := taken(l, limits.Requests, someone, 500); n != 500 {
			t.Errorf("%d of 500", n)
		}
		if err := l.Report(t.Context()); !errors.Is(err, store.ErrAway) {
			t.Error(err)
		}
		if n := taken(l, limits.Requests, someone, 500); n != 300 {
			t.Errorf("%d of 300 left", n)
		}
		s.gone.Store(false)
		report(t, l)
		other := on(t, b, time.Now)
		taken(other, limits.Requests, someone, 100)
		report(t, other)
		if n := taken(other, limits.Requests, someone, 10); n != 0 {
			t.Errorf("%d more in another process", n)
		}
	})
}

// What is exported in a day is known after a restart.
func TestWhatWasUsedIsKnownAfterARestart(t *testing.T) {
	databases(t, func(t *testing.T, a, _ store.Store) {
		who := limits.Who{App: "warehouse"}
		before := on(t, a, time.Now, "app exported-resources 1000/day")
		before.Take(limits.Exported, who, 900)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		before.Work(ctx)
		after := on(t, a, time.Now)
		after.Take(limits.Exported, who, 125)
		report(t, after)
		if v := after.Take(limits.Exported, who, 100); !v.Refused {
			t.Error("what was exported before is forgotten")
		}
	})
}

func TestRulesAreInForceInEveryProcessSoon(t *testing.T) {
	databases(t, func(t *testing.T, a, b store.Store) {
		one, other := on(t, a, time.Now), on(t, b, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { other.Work(ctx); close(ended) }()
		defer func() { stop(); <-ended }()
		put(t, one, "user requests 2/h")
		if n := taken(one, limits.Requests, someone, 5); n != 2 {
			t.Errorf("%d here", n)
		}
		deadline := time.Now().Add(time.Minute)
		for !other.Take(limits.Requests, another, 3).Limited() {
			if time.Now().After(deadline) {
				t.Fatal("another process does not know of the rule")
			}
			time.Sleep(20 * time.Millisecond)
		}
		put(t, other, "user maria requests none")
		set, err := one.Own(t.Context())
		if err != nil || set.Version != 2 || set.By != "test" || len(set.Rules) != 2 {
			t.Errorf("%+v, %v", set, err)
		}
		r, err := limits.ParseRule("user maria requests none")
		if err != nil {
			t.Fatal(err)
		}
		if err := one.Remove(t.Context(), r, "test"); err != nil {
			t.Error(err)
		}
		if err := one.Remove(t.Context(), r, "test"); !errors.Is(err, limits.ErrNoRule) {
			t.Error(err)
		}
	})
}

// Changes of two at once are both there.
func TestChangesAtOnceLoseNothing(t *testing.T) {
	databases(t, func(t *testing.T, a, b store.Store) {
		one, other := on(t, a, time.Now), on(t, b, time.Now)
		done := make(chan error)
		for l, app := range map[*limits.Limiter]string{one: "first", other: "second"} {
			go func() {
				var err error
				for _, meter := range []string{"requests", "cost", "tokens"} {
					r, _ := limits.ParseRule("app " + app + " " + meter + " 10/s")
					_, put := l.Put(context.WithoutCancel(t.Context()), r, app)
					err = errors.Join(err, put)
				}
				done <- err
			}()
		}
		if err := errors.Join(<-done, <-done); err != nil {
			t.Error(err)
		}
		if set, err := one.Own(t.Context()); err != nil || len(set.Rules) != 6 || set.Version != 6 {
			t.Errorf("%+v, %v", set, err)
		}
	})
}

// told is a store that knows when it was told last, and for how long it was not.
type told struct {
	store.Store
	mu  sync.Mutex
	at  time.Time
	gap time.Duration
}

func (s *told) SpendLimits(ctx context.Context, spent []store.LimitSpent) ([]store.LimitUse, error) {
	uses, err := s.Store.SpendLimits(ctx, spent)
	if err == nil {
		s.longest()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.at = time.Now()
	}
	return uses, err
}

// longest is the longest time in seconds until now between two answers.
func (s *told) longest() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gap = max(s.gap, time.Since(s.at))
	return s.gap.Seconds()
}
