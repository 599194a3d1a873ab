package kit

import (
	"sync"
	"time"

	"github.com/inglehealth/ingle/internal/recent"
)

// most is how many values a shelf holds.
const most = 1000

// shelf keeps values under unguessable keys for a while after they were put or
// looked at.
type shelf[T any] struct {
	life time.Duration
	mu   sync.Mutex // so that a value is taken once
	kept *recent.Map[string, kept[T]]
}

type kept[T any] struct {
	value T
	until time.Time
}

func newShelf[T any](life time.Duration) *shelf[T] {
	return &shelf[T]{life: life, kept: recent.NewMap[string, kept[T]](most)}
}

func (s *shelf[T]) put(key string, value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept.Put(key, kept[T]{value, time.Now().Add(s.life)})
}

func (s *shelf[T]) get(key string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.find(key)
	if ok {
		s.kept.Put(key, kept[T]{value, time.Now().Add(s.life)})
	}
	return value, ok
}

// take returns a value once.
func (s *shelf[T]) take(key string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.find(key)
	s.kept.Remove(key)
	return value, ok
}

func (s *shelf[T]) find(key string) (value T, ok bool) {
	k, ok := s.kept.Get(key)
	if !ok || time.Now().After(k.until) {
		return value, false
	}
	return k.value, true
}

func (s *shelf[T]) drop(key string) { s.kept.Remove(key) }
