package limits_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inglehealth/ingle/limits"
)

// One that sends hundreds at once has no more turns than one that sends a few.
func TestTheGateLetsInByTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := limits.NewGate(limits.GateConfig{Slots: 4, Waiting: 1000, Patience: time.Hour})
		served := map[string]*atomic.Int64{"greedy": {}, "modest": {}, "another": {}}
		ctx, stop := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		for key, n := range map[string]int{"greedy": 200, "modest": 4, "another": 4} {
			for range n {
				asking.Go(func() {
					for ctx.Err() == nil {
						leave, err := g.Enter(ctx, key)
						if err != nil {
							return
						}
						time.Sleep(10 * time.Millisecond)
						served[key].Add(1)
						leave()
					}
				})
			}
		}
		time.Sleep(10 * time.Second)
		stop()
		asking.Wait()
		greedy, modest, another := served["greedy"].Load(), served["modest"].Load(), served["another"].Load()
		if all := greedy + modest + another; all < 3900 {
			t.Errorf("%d were served of about 4000", all)
		}
		for _, n := range []int64{modest, another} {
			if n < 1200 {
				t.Errorf("%d and %d of others were served beside %d of the greedy one", modest, another, greedy)
			}
		}
		if s := g.State(); s.In != 0 || s.Waiting != 0 {
			t.Errorf("%+v at the end", s)
		}
	})
}

func TestNobodyHasAllSlotsOfTheGate(t *testing.T) {
	g := limits.NewGate(limits.GateConfig{Slots: 4, Patience: time.Millisecond})
	for i := range 4 {
		_, err := g.Enter(t.Context(), "greedy")
		if i < 3 && err != nil || i == 3 && !errors.Is(err, limits.ErrBusy) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	leave, err := g.Enter(t.Context(), "modest")
	if err != nil {
		t.Fatal("another does not get in:", err)
	}
	leave()
	leave() // once is all that counts
	if s := g.State(); s.In != 3 {
		t.Errorf("%+v", s)
	}
}

func TestTheGateBoundsWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := limits.NewGate(limits.GateConfig{Slots: 1, Waiting: 6, Patience: time.Hour})
		leave, err := g.Enter(t.Context(), "first")
		if err != nil {
			t.Fatal(err)
		}
		var got sync.Map
		ctx, gone := context.WithCancel(t.Context())
		for i := range 8 {
			key := "a"
			if i >= 4 {
				key = fmt.Sprint("b", i)
			}
			go func() {
				leave, err := g.Enter(ctx, key)
				got.Store(i, err)
				if err == nil {
					leave()
				}
			}()
			synctest.Wait()
		}
		for i, want := range map[int]error{3: limits.ErrQueue, 7: limits.ErrBusy} {
			if err, _ := got.Load(i); !errors.Is(err.(error), want) {
				t.Errorf("request %d: %v, not %v", i, err, want)
			}
		}
		gone()
		synctest.Wait()
		for _, i := range []int{0, 1, 2, 4, 5, 6} {
			if err, _ := got.Load(i); !errors.Is(err.(error), context.Canceled) {
				t.Errorf("request %d, whose client went away: %v", i, err)
			}
		}
		leave()
		if s := g.State(); s.In != 0 || s.Waiting != 0 || s.Refused != 8 {
			t.Errorf("%+v", s)
		}
	})
}
