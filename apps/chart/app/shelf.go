package app

import (
	"sync"
	"time"
)

// most is how many values a shelf holds.
const most = 1000

// shelf keeps values under unguessable keys for a while after they were put or
// taken in hand. When it is full, the one untouched for longest goes.
type shelf[T any] struct {
	life time.Duration
	mu   sync.Mutex
	kept map[string]kept[T]
}

type kept[T any] struct {
	value   T
	touched time.Time
}

func newShelf[T any](life time.Duration) *shelf[T] {
	return &shelf[T]{life: life, kept: map[string]kept[T]{}}
}

func (s *shelf[T]) put(key string, value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= most {
		oldest := ""
		for k, v := range s.kept {
			if oldest == "" || v.touched.Before(s.kept[oldest].touched) {
				oldest = k
			}
		}
		delete(s.kept, oldest)
	}
	s.kept[key] = kept[T]{value, time.Now()}
}

func (s *shelf[T]) get(key string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.kept[key]
	if !ok || time.Since(k.touched) > s.life {
		delete(s.kept, key)
		return *new(T), false
	}
	k.touched = time.Now()
	s.kept[key] = k
	return k.value, true
}

// take returns a value once.
func (s *shelf[T]) take(key string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.kept[key]
	delete(s.kept, key)
	if !ok || time.Since(k.touched) > s.life {
		return *new(T), false
	}
	return k.value, true
}

func (s *shelf[T]) drop(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, key)
}
