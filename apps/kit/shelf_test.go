package kit

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestAShelfHoldsTheNewestForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf[int](time.Minute)
		for i := range most {
			s.put(fmt.Sprint(i), i)
		}
		if _, ok := s.get("0"); !ok { // which makes 1 the oldest
			t.Fatal("the first is gone too early")
		}
		s.put("more", 1)
		_, first := s.get("0")
		_, second := s.get("1")
		if !first || second {
			t.Errorf("0 is kept: %v, 1 is kept: %v", first, second)
		}
		time.Sleep(time.Minute + time.Second)
		if _, ok := s.get("0"); ok {
			t.Error("a value outlived its time")
		}
		if _, ok := s.take("more"); ok {
			t.Error("a value that is taken outlived its time")
		}
	})
}

func TestAValueIsTakenOnce(t *testing.T) {
	s := newShelf[int](time.Minute)
	s.put("a", 1)
	if v, ok := s.take("a"); !ok || v != 1 {
		t.Error("it is not there")
	}
	if _, ok := s.take("a"); ok {
		t.Error("it is taken twice")
	}
}
