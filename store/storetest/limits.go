package storetest

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/store"
)

var limitCases = []testCase{
	{"what a limited key owes adds up and passes", limitsAddUp},
	{"processes that spend the same keys at once lose nothing", limitsTogether},
	{"what a process holds is known to others until its lease ends", limitsHeld},
	{"limited keys that owe nothing are swept", limitsSwept},
}

// within says whether a key owes about as much as it should: time has passed since.
func within(u store.LimitUse, want time.Duration) bool {
	return u.Owes <= want && u.Owes > want-10*time.Second
}

func (b bench) spend(t *testing.T, spent ...store.LimitSpent) map[string]store.LimitUse {
	t.Helper()
	uses, err := b.SpendLimits(b.ctx, spent)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]store.LimitUse{}
	for _, u := range uses {
		by[u.Key] = u
	}
	if len(by) != len(spent) {
		t.Errorf("%d keys were spent, %d returned", len(spent), len(by))
	}
	return by
}

func limitsAddUp(t *testing.T, b bench) {
	b.spend(t, store.LimitSpent{Key: "a", Owes: time.Hour}, store.LimitSpent{Key: "ü", Owes: time.Minute, Refused: 2}, store.LimitSpent{Key: "none"})
	got := b.spend(t, store.LimitSpent{Key: "a", Owes: time.Minute}, store.LimitSpent{Key: "ü", Refused: 3}, store.LimitSpent{Key: "short", Owes: time.Millisecond})
	if u := got["a"]; !within(u, 61*time.Minute) || u.Refused != 0 {
		t.Errorf("a is %+v", u)
	}
	if u := got["ü"]; !within(u, time.Minute) || u.Refused != 5 {
		t.Errorf("ü is %+v", u)
	}
	time.Sleep(5 * time.Millisecond)
	// What has passed is not given for later.
	if u := b.spend(t, store.LimitSpent{Key: "short", Owes: time.Minute})["short"]; !within(u, time.Minute) {
		t.Errorf("short is %+v", u)
	}
	list, err := b.ListLimits(b.ctx, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || list[0].Key != "short" || list[0].Since > 10*time.Second {
		t.Errorf("listed are %+v", list)
	}
	if list, err = b.ListLimits(b.ctx, 1); err != nil || len(list) != 1 {
		t.Errorf("of one are listed %+v, %v", list, err)
	}
	if uses, err := b.SpendLimits(b.ctx, nil); err != nil || len(uses) != 0 {
		t.Errorf("nothing spent is %+v, %v", uses, err)
	}
}

func limitsTogether(t *testing.T, b bench) {
	const rounds, keys = 20, 300
	var spending sync.WaitGroup
	for p := range 3 {
		spending.Go(func() {
			for range rounds {
				var spent []store.LimitSpent
				for k := range keys {
					if p == 1 {
						k = keys - 1 - k
					}
					spent = append(spent, store.LimitSpent{Key: fmt.Sprint(k), Owes: time.Minute, Refused: 1})
				}
				if _, err := b.SpendLimits(b.ctx, spent); err != nil {
					t.Error(err)
				}
			}
		})
	}
	spending.Wait()
	list, err := b.ListLimits(b.ctx, 2*keys)
	if err != nil || len(list) != keys {
		t.Fatalf("%d keys, %v", len(list), err)
	}
	for _, u := range list {
		if u.Refused != 3*rounds || u.Owes > 3*rounds*time.Minute || u.Owes < 3*rounds*time.Minute-time.Minute {
			t.Fatalf("%+v", u)
		}
	}
}

func limitsHeld(t *testing.T, b bench) {
	hold := func(process string, lease time.Duration, held, want map[string]int64) {
		t.Helper()
		others, err := b.HoldLimits(b.ctx, process, held, lease)
		if err != nil || !maps.Equal(others, want) {
			t.Errorf("others than %s hold %v, %v, not %v", process, others, err, want)
		}
	}
	hold("one", time.Hour, map[string]int64{"a": 3, "b": 1}, map[string]int64{})
	hold("two", time.Hour, map[string]int64{"a": 4}, map[string]int64{"a": 3, "b": 1})
	hold("three", time.Hour, nil, map[string]int64{"a": 7, "b": 1})
	hold("one", time.Millisecond, map[string]int64{"a": 9}, map[string]int64{"a": 4})
	time.Sleep(5 * time.Millisecond)
	hold("two", time.Hour, nil, map[string]int64{})
}

func limitsSwept(t *testing.T, b bench) {
	b.spend(t, store.LimitSpent{Key: "owing", Owes: time.Hour}, store.LimitSpent{Key: "refused", Refused: 1}, store.LimitSpent{Key: "over", Owes: time.Microsecond})
	time.Sleep(5 * time.Millisecond)
	if n, err := b.SweepLimits(b.ctx, time.Hour, 10); err != nil || n != 0 {
		t.Errorf("%d keys went that were used lately, %v", n, err)
	}
	if n, err := b.SweepLimits(b.ctx, time.Millisecond, 1); err != nil || n != 1 {
		t.Errorf("%d keys went of one at a time, %v", n, err)
	}
	if n, err := b.SweepLimits(b.ctx, time.Millisecond, 10); err != nil || n != 1 {
		t.Errorf("%d keys went of the rest, %v", n, err)
	}
	if list, err := b.ListLimits(b.ctx, 10); err != nil || len(list) != 1 || list[0].Key != "owing" {
		t.Errorf("left is %+v, %v", list, err)
	}
}
