package leaktest_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNothingHiddenIsTold asks random things for random people and has the oracle
// explain every answer. INGLE_LEAK_SEED repeats a run, INGLE_LEAK_TIME says how long
// it takes on each database. With CI=true it has the same seed every time, elsewhere
// another one.
func TestNothingHiddenIsTold(t *testing.T) { fuzz(t, 10*time.Second, requests, true) }

// TestSoakNothingHiddenIsTold is the long run.
func TestSoakNothingHiddenIsTold(t *testing.T) {
	if os.Getenv("INGLE_SOAK") == "" {
		t.Skip("INGLE_SOAK is not set")
	}
	fuzz(t, 20*time.Minute, requests, true)
}

// TestSoakNothingHiddenIsNotified is the long run of what subscribers are told.
func TestSoakNothingHiddenIsNotified(t *testing.T) {
	if os.Getenv("INGLE_SOAK") == "" {
		t.Skip("INGLE_SOAK is not set")
	}
	fuzz(t, 5*time.Minute, notifications, false)
}

// gateSeed is the seed where the question is whether a change may land: the same code
// gets the same answer. Chance has its say wherever else the tests run.
const gateSeed = 17041102901759191516

func fuzz(t *testing.T, long time.Duration, requests []request, masking bool) {
	seed := rand.Uint64()
	if os.Getenv("CI") == "true" {
		seed = gateSeed
	}
	if text := os.Getenv("INGLE_LEAK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv("INGLE_LEAK_TIME"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Logf("INGLE_LEAK_SEED=%d", seed)
			r := openRig(t, database, seed)
			r.masking = masking
			asked := map[string]int{}
			n, overHTTP, masked := 0, 0, 0
			for end := time.Now().Add(long); time.Now().Before(end) && r.found < maxFound; n++ {
				if n%30 == 0 {
					r.come()
				}
				if n%10 == 5 {
					r.change()
				}
				one := pick(r, requests)
				asked[one.name]++
				if r.overHTTP {
					overHTTP++
				}
				if len(r.sight.Masks()) > 0 {
					masked++
				}
				one.ask(r)
			}
			t.Logf("%d requests, %d of them over HTTP, %d of whom something is masked from: %v", n, overHTTP, masked, asked)
		})
	}
}

// maxFound is how many answers that cannot be explained end a run.
const maxFound = 1

// explained begins the report of an answer that is not.
const explained = "cannot be explained: "

// request is one way to ask.
type request struct {
	name string
	ask  func(*rig)
}

// asked notes what is asked, for the report of what comes of it.
func (r *rig) asked(format string, args ...any) {
	r.did = append(r.did, fmt.Sprintf(format, args...))
	r.heads = r.chance(25)
}

// wrong reports an answer that the oracle cannot explain.
func (r *rig) wrong(format string, args ...any) {
	r.Helper()
	r.found++
	last := r.did[max(0, len(r.did)-3):]
	r.Errorf(explained+"%s\nafter %s\n%s", fmt.Sprintf(format, args...), strings.Join(last, "\n      "), r.who())
}
