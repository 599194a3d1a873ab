package sqlite

import (
	"context"
	"errors"
	"testing"
)

func TestThePoolHandsOutTheConnectionUsedLast(t *testing.T) {
	p, a, b := newPool(3), &conn{}, &conn{}
	take := func(want *conn) {
		t.Helper()
		if got, err := p.take(t.Context()); err != nil || got != want {
			t.Errorf("got %p instead of %p, %v", got, want, err)
		}
	}
	take(nil)
	take(nil)
	take(nil)
	if p.busy() != 3 || p.size() != 3 {
		t.Errorf("%d of %d are busy", p.busy(), p.size())
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.take(over); !errors.Is(err, context.Canceled) {
		t.Errorf("a fourth was handed out: %v", err)
	}
	p.give(nil)    // could not be opened
	for range 20 { // a choice of both would be by chance
		if _, err := p.take(over); !errors.Is(err, context.Canceled) {
			t.Fatalf("one was handed out in a context that has ended: %v", err)
		}
	}
	p.give(a)
	p.give(b)
	take(b)
	take(a)
	take(nil)
	p.give(nil)
	p.give(b)
	drained := make(chan int)
	go func() { drained <- len(p.drain()) }()
	select {
	case <-drained:
		t.Error("it did not wait for what was taken")
	default:
	}
	p.give(a)
	if n := <-drained; n != 2 {
		t.Errorf("%d were open of 2", n)
	}
}
