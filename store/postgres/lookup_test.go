package postgres

import (
	"runtime"
	"sync"
	"testing"
)

func TestWhoIsReadyToAskJoinsTheNextRoundTrip(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that nobody asks meanwhile
	const rounds, each = 20, 10
	joined := 0
	for range rounds {
		waiting := make(chan int, each)
		var asking sync.WaitGroup
		for i := range each {
			asking.Go(func() { waiting <- i })
		}
		joined += len(gather(-1, waiting, each+1)) - 1
		asking.Wait()
	}
	// The scheduler looks now and then whether somebody else has waited longer.
	if joined < rounds*each/2 {
		t.Errorf("of %d who were ready to ask %d joined", rounds*each, joined)
	}
}
