package limits_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/cputest"
	"github.com/inglehealth/ingle/limits"
)

var (
	someone = limits.Who{App: "growth", User: "maria", Address: netip.MustParseAddr("192.0.2.7")}
	another = limits.Who{App: "growth", User: "walter", Address: netip.MustParseAddr("192.0.2.8")}
)

func TestABurstIsLetThroughAndThenTheRate(t *testing.T) {
	c := newClock()
	l := open(t, c, "user requests 10/s burst 20")
	if n := taken(l, limits.Requests, someone, 30); n != 20 {
		t.Errorf("%d of a burst of 20", n)
	}
	v := l.Take(limits.Requests, someone, 1)
	if !v.Refused || v.Wait != 100*time.Millisecond || v.RetryAfter() != "1" {
		t.Errorf("%+v", v)
	}
	c.pass(time.Second)
	if n := taken(l, limits.Requests, someone, 30); n != 10 {
		t.Errorf("%d after a second, of 10/s", n)
	}
	if n := taken(l, limits.Requests, another, 30); n != 20 {
		t.Errorf("%d of another user", n)
	}
	c.pass(time.Hour)
	if n := taken(l, limits.Requests, someone, 30); n != 20 {
		t.Errorf("%d after an hour: no more than a burst is saved up", n)
	}
}

func TestWhatOneLimitRefusesTheOthersDoNotLose(t *testing.T) {
	l := open(t, newClock(), "user maria requests 5/h", "app requests 8/h", "tenant requests 10/h")
	if n := taken(l, limits.Requests, someone, 20); n != 5 {
		t.Errorf("maria has %d", n)
	}
	if n := taken(l, limits.Requests, another, 20); n != 3 {
		t.Errorf("the app has %d left for walter", n)
	}
	if n := taken(l, limits.Requests, limits.Who{App: "risk"}, 20); n != 2 {
		t.Errorf("the tenant has %d left for another app", n)
	}
	if n := taken(l, limits.Requests, limits.Who{}, 20); n != 0 {
		t.Errorf("the tenant has %d left for nobody known", n)
	}
}

func TestAnAddressCountsByItsNetworkAndLoopbackNotAtAll(t *testing.T) {
	l := open(t, newClock(), "address requests 5/h", "address 198.51.100.0/24 requests 3/h", "address 198.51.100.9 requests none", "address sign-ins 2/h")
	from := func(text string) int {
		return taken(l, limits.Requests, limits.Who{Address: limits.AddressOf(text)}, 10)
	}
	for _, step := range []struct {
		address string
		want    int
	}{
		{"192.0.2.1", 5}, {"::ffff:192.0.2.1", 0}, {"192.0.2.2", 5},
		{"2001:db8::1", 5}, {"2001:db8::ffff:1", 0}, {"2001:db8:0:1::1", 5}, {"fe80::1%eth0", 5},
		{"198.51.100.1", 3}, {"198.51.100.2", 3}, {"198.51.100.9", 10},
		{"127.0.0.1", 10}, {"::1", 10}, {"not an address", 10},
	} {
		if n := from(step.address); n != step.want {
			t.Errorf("%d from %s, not %d", n, step.address, step.want)
		}
	}
	local := limits.Who{Address: limits.AddressOf("127.0.0.1")}
	if n := taken(l, limits.SignIns, local, 10); n != 2 {
		t.Errorf("%d failed sign-ins from the loopback interface", n)
	}
	put(t, l, "address 127.0.0.0/8 requests 4/h")
	if n := from("127.0.0.1"); n != 4 {
		t.Errorf("%d from the loopback interface, which has a rule of its own", n)
	}
}

func TestMoreThanABurstIsLetThroughOnceNothingIsOwed(t *testing.T) {
	c := newClock()
	l := open(t, c, "app exported-resources 1000/day")
	who := limits.Who{App: "warehouse"}
	if l.Take(limits.Exported, who, 3000).Refused {
		t.Error("a first batch of three days is refused, and always would be")
	}
	if v := l.Take(limits.Exported, who, 1); !v.Refused || v.Wait < 48*time.Hour-time.Second {
		t.Errorf("%+v", v)
	}
	c.pass(73 * time.Hour)
	if l.Take(limits.Exported, who, 900).Refused {
		t.Error("refused after three days")
	}
}

func TestRequestsAtOnceAreCountedUntilTheyEnd(t *testing.T) {
	l := open(t, newClock(), "user in-flight 3", "app in-flight 5")
	var flights []limits.Flight
	begin := func(who limits.Who) bool {
		f, v := l.Begin(who)
		if !v.Refused {
			flights = append(flights, f)
		}
		return !v.Refused
	}
	for i, want := range []bool{true, true, true, false} {
		if begin(someone) != want {
			t.Errorf("request %d", i)
		}
	}
	for i, want := range []bool{true, true, false} { // by the app's
		if begin(another) != want {
			t.Errorf("request %d of another", i)
		}
	}
	for _, f := range flights {
		f.End()
	}
	for range 3 {
		if !begin(someone) {
			t.Error("refused after all have ended")
		}
	}
}

func TestASearchThatCostsTooMuchIsRefusedWhateverIsLeft(t *testing.T) {
	l := open(t, newClock(), "user query-cost 1000", "user cost 100/s burst 2500")
	who := limits.Who{User: "maria"}
	if v := l.Query(who, 1001); !v.Refused || v.Meter() != limits.QueryCost || !strings.Contains(v.Reason(), "1000") {
		t.Errorf("%+v %s", v, v.Reason())
	}
	for range 2 {
		if v := l.Query(who, 1000); v.Refused {
			t.Errorf("%s", v.Reason())
		}
	}
	if v := l.Query(who, 1000); !v.Refused || v.Meter() != limits.Cost || v.Wait != 5*time.Second {
		t.Errorf("%+v", v)
	}
}

func TestHeadersSayWhatIsLeft(t *testing.T) {
	c := newClock()
	l := open(t, c, "user requests 10/s burst 20", "app requests 100/s", "app in-flight 5")
	v := l.Take(limits.Requests, someone, 5)
	if got, want := v.RateLimit(), `"user-requests";r=15;t=1`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if got, want := v.RateLimitPolicy()[0], `"user-requests";q=20;w=2`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	taken(l, limits.Requests, someone, 20)
	v = l.Take(limits.Requests, someone, 1)
	if got, want := v.RateLimit(), `"user-requests";r=0;t=1`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if v = l.Take(limits.Requests, limits.Who{}, 1); v.Limited() || v.RateLimit() != "" || v.RateLimitPolicy() != nil {
		t.Errorf("%+v of no limit", v)
	}
	_, v = l.Begin(someone)
	if got, want := v.RateLimitPolicy()[0]+" "+v.RateLimit(), `"app-in-flight";q=5;qu="concurrent-requests" "app-in-flight";r=4`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestAMillionAddressesTakeBoundedMemoryAndForgetWhoOwesLast(t *testing.T) {
	c := newClock()
	l := open(t, c, "address requests 1/min burst 3")
	owing := limits.Who{Address: netip.MustParseAddr("203.0.113.1")}
	taken(l, limits.Requests, owing, 3)
	for i := range 1_000_000 {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if l.Take(limits.Requests, limits.Who{Address: a}, 1).Refused {
			t.Fatalf("%s is refused", a)
		}
		if i%1000 == 0 {
			c.pass(time.Minute) // those before owe nothing any more
			taken(l, limits.Requests, owing, 1)
		}
	}
	if n := limits.Kept(l); n > 1<<16 {
		t.Errorf("%d accounts are kept", n)
	}
	if n := taken(l, limits.Requests, owing, 3); n > 1 {
		t.Errorf("%d were let through of who owes for what was before", n)
	}
}

func TestACheckAllocatesNothing(t *testing.T) {
	c := newClock()
	l := open(t, c, "user requests 1000000/s", "app requests 1000000/s", "address requests 1000000/s", "tenant requests 1000000/s", "user in-flight 100", "app in-flight 100")
	l.Take(limits.Requests, someone, 1)
	if n := testing.AllocsPerRun(1000, func() {
		c.pass(time.Millisecond)
		l.Take(limits.Requests, someone, 1)
		f, _ := l.Begin(someone)
		f.End()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	// Neither do addresses that were not seen lately, once the memory is full.
	i := 0
	next := func() {
		i++
		c.pass(time.Millisecond)
		l.Take(limits.Requests, limits.Who{Address: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}, 1)
	}
	for range 300_000 {
		next()
	}
	if n := testing.AllocsPerRun(100_000, next); n != 0 {
		t.Errorf("%v allocations of new addresses", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	rules := []string{"user requests 1000000000/s", "app requests 1000000000/s", "address requests 1000000000/s"}
	for _, bench := range []struct {
		name  string
		users int
	}{{"of one client", 1}, {"of ten thousand clients", 10_000}, {"of a million clients", 1_000_000}} {
		l := open(b, newClock(), rules...)
		who := make([]limits.Who, bench.users)
		for i := range who {
			who[i] = limits.Who{App: fmt.Sprint("app", i%100), User: fmt.Sprint("user", i), Address: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}
			l.Take(limits.Requests, who[i], 1)
		}
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			before := cputest.Used(b)
			for i := 0; b.Loop(); i++ {
				l.Take(limits.Requests, who[i*7919%len(who)], 1)
			}
			b.ReportMetric(float64(cputest.Used(b)-before)/float64(b.N), "cpu-ns/op")
		})
		b.Run(bench.name+" by all cores", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					l.Take(limits.Requests, who[i*7919%len(who)], 1)
				}
			})
		})
	}
}
