package sqlite

import (
	"context"
	"sync"
)

// pool hands out connections that read, the one used last first: its page cache has
// most of what others ask for, and few caches with the same pages are in use.
type pool struct {
	free chan struct{} // as many as may still be taken
	mu   sync.Mutex
	idle []*conn
}

func newPool(size int) *pool {
	p := &pool{free: make(chan struct{}, size), idle: make([]*conn, 0, size)}
	for range size {
		p.free <- struct{}{}
	}
	return p
}

// take returns a connection, nil for one that is to be opened, and the error of a
// context that has ended, whether or not one is free.
func (p *pool) take(ctx context.Context) (c *conn, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-p.free:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.idle) - 1; last >= 0 {
		c, p.idle = p.idle[last], p.idle[:last]
	}
	return c, nil
}

// give takes back what take returned, or what was opened, nil when that failed.
func (p *pool) give(c *conn) {
	if c != nil {
		p.mu.Lock()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	}
	p.free <- struct{}{}
}

func (p *pool) size() int { return cap(p.free) }
func (p *pool) busy() int { return cap(p.free) - len(p.free) }

// drain waits until all are given back and returns those that are open.
func (p *pool) drain() []*conn {
	for range cap(p.free) {
		<-p.free
	}
	return p.idle
}
