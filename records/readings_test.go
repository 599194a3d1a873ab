package records

import (
	"strings"
	"testing"
	"time"
)

func TestAPanicOfAReadingIsAnErrorOfThoseWhoWait(t *testing.T) {
	var b bookReads
	r := b.join(func() error { panic("kaboom") })
	<-r.done
	if r.err == nil || !strings.Contains(r.err.Error(), "kaboom") {
		t.Error(r.err)
	}
	if r = b.join(func() error { return nil }); r.err != nil {
		t.Error(r.err)
	}
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		t.Error("nothing is read any more")
	}
}
