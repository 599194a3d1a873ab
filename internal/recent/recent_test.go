package recent

import (
	"fmt"
	"sync"
	"testing"
)

func TestWhatWasUsedLastStays(t *testing.T) {
	m := NewMap[string, int](2)
	m.Put("a", 1)
	m.Put("b", 2)
	if v, ok := m.Get("a"); !ok || v != 1 {
		t.Error(v, ok)
	}
	m.Put("c", 3)
	if _, ok := m.Get("b"); ok {
		t.Error("b was used least recently, and stays")
	}
	m.Put("a", 4)
	if v, _ := m.Get("a"); v != 4 {
		t.Error(v)
	}
	m.Remove("a")
	m.Remove("a")
	if _, ok := m.Get("a"); ok {
		t.Error("a was removed")
	}
	if v, ok := m.Get("c"); !ok || v != 3 {
		t.Error(v, ok)
	}
}

func TestManyMayUseAMapAtOnce(t *testing.T) {
	m := NewMap[string, int](10)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := range 500 {
				key := fmt.Sprint(n % 20)
				m.Put(key, i)
				if v, ok := m.Get(key); ok && (v < 0 || v > 7) {
					t.Error(v)
				}
				if n%7 == 0 {
					m.Remove(key)
				}
			}
		})
	}
	wait.Wait()
	if len(m.at) > 10 || len(m.at) != m.order.Len() || len(m.at) != m.size {
		t.Errorf("%d kept, %d in order", len(m.at), m.order.Len())
	}
}

func TestValuesTakeWhatTheyAreSaidTo(t *testing.T) {
	m := NewMap[string, int](10)
	m.PutSized("a", 4, 1)
	m.PutSized("b", 4, 2)
	m.Get("a")
	m.PutSized("c", 4, 3)
	for k, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if _, ok := m.Get(k); ok != want {
			t.Errorf("%s is kept: %t", k, ok)
		}
	}
	m.PutSized("c", 5, 4)
	if v, _ := m.Get("c"); v != 4 || m.size != 9 {
		t.Errorf("c is %d of %d in all", v, m.size)
	}
	m.PutSized("large", 100, 5)
	if _, ok := m.Get("large"); !ok || m.order.Len() != 1 || m.size != 100 {
		t.Error("one that is larger than all there is room for is kept alone")
	}
	m.PutSized("d", 1, 6)
	if _, ok := m.Get("large"); ok || m.size != 1 {
		t.Error("the large one stays")
	}
}
