package limits

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// Errors of Gate.Enter.
var (
	ErrQueue = errors.New("limits: whoever this is has too many requests waiting")
	ErrBusy  = errors.New("limits: too many requests wait for each other")
)

// GateConfig is what a Gate needs.
type GateConfig struct {
	Slots    int           // how many are in at once
	Each     int           // how many of them one key has at most; 0: three quarters
	Waiting  int           // how many wait; 0: 32 for each slot
	Patience time.Duration // how long one waits; 0: 10 s
}

// Gate lets so many in at once. Who waits is let in in turn by key: whoever sends most
// waits longest, and none has all the slots. It is safe for concurrent use.
type Gate struct {
	config  GateConfig
	mu      sync.Mutex
	free    int
	waiting int
	keys    map[string]*line
	turn    list.List // of *line: those with somebody waiting, next first
	refused int64
}

// line are the requests of one key.
type line struct {
	key  string
	in   int
	wait list.List // of chan struct{}
	at   *list.Element
}

// NewGate makes a Gate.
func NewGate(c GateConfig) *Gate {
	c.Slots = max(1, c.Slots)
	if c.Each == 0 {
		c.Each = max(1, c.Slots*3/4)
	}
	if c.Waiting == 0 {
		c.Waiting = 32 * c.Slots
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	return &Gate{config: c, free: c.Slots, keys: map[string]*line{}}
}

// Enter waits for a turn of key, and returns what the caller calls once when it is
// done. ErrQueue says that half of those that wait are of the key already, ErrBusy that
// too many wait or that one waited for too long; or it is the cause of ctx's end.
func (g *Gate) Enter(ctx context.Context, key string) (leave func(), err error) {
	turn, l, err := g.ask(key)
	if err != nil {
		return nil, err
	}
	leave = sync.OnceFunc(func() { g.leave(l) })
	if turn == nil {
		return leave, nil
	}
	patience := time.NewTimer(g.config.Patience)
	defer patience.Stop()
	select {
	case <-turn.Value.(chan struct{}):
		return leave, nil
	case <-patience.C:
		err = ErrBusy
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if g.giveUp(l, turn) {
		return nil, err
	}
	return leave, nil // the turn came meanwhile
}

// ask takes a slot, or a place in the line: then the element is not nil.
func (g *Gate) ask(key string) (*list.Element, *line, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.keys[key]
	if l == nil {
		l = &line{key: key}
		g.keys[key] = l
	}
	if g.free > 0 && l.in < g.config.Each && l.wait.Len() == 0 {
		g.free--
		l.in++
		return nil, l, nil
	}
	err := error(nil)
	switch {
	case l.wait.Len() >= max(1, g.config.Waiting/2):
		err = ErrQueue
	case g.waiting >= g.config.Waiting:
		err = ErrBusy
	}
	if err != nil {
		g.refused++
		g.tidy(l)
		return nil, nil, err
	}
	g.waiting++
	turn := l.wait.PushBack(make(chan struct{}))
	if l.at == nil {
		l.at = g.turn.PushBack(l)
	}
	return turn, l, nil
}

func (g *Gate) leave(l *line) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l.in--
	g.free++
	g.next()
	g.tidy(l)
}

// giveUp leaves the line; false when the turn has come.
func (g *Gate) giveUp(l *line, turn *list.Element) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn.Value.(chan struct{}):
		return false
	default:
	}
	l.wait.Remove(turn)
	g.waiting--
	g.refused++
	if l.wait.Len() == 0 {
		g.turn.Remove(l.at)
		l.at = nil
	}
	g.tidy(l)
	return true
}

// next lets in whose turn it is.
func (g *Gate) next() {
	for at := g.turn.Front(); at != nil && g.free > 0; {
		l, after := at.Value.(*line), at.Next()
		if l.in < g.config.Each {
			g.free--
			l.in++
			g.waiting--
			close(l.wait.Remove(l.wait.Front()).(chan struct{}))
			if l.wait.Len() == 0 {
				g.turn.Remove(at)
				l.at = nil
			} else {
				g.turn.MoveToBack(at)
			}
		}
		at = after
	}
}

func (g *Gate) tidy(l *line) {
	if l.in == 0 && l.wait.Len() == 0 {
		delete(g.keys, l.key)
	}
}

// GateState is how full a Gate is.
type GateState struct {
	Slots, In, Waiting int
	Refused            int64 // since it was made
}

// State says how full it is.
func (g *Gate) State() GateState {
	g.mu.Lock()
	defer g.mu.Unlock()
	return GateState{g.config.Slots, g.config.Slots - g.free, g.waiting, g.refused}
}
