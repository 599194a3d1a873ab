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
	if len(m.at) > 10 || len(m.at) != m.order.Len() {
		t.Errorf("%d kept, %d in order", len(m.at), m.order.Len())
	}
}
