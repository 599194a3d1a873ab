package sqlite

import (
	"path/filepath"
	"sync"
	"sync/atomic"
)

// Lengths of the database's log, in frames.
const (
	beginCheckpoint = 96_000  // what it has is copied into the database beside the writer
	moreLog         = 8_000   // since a checkpoint that readers kept from copying everything: the next one
	mostLog         = 128_000 // SQLite itself copies it, in each commit, should all that not be enough
)

// checkpointer copies what the log has into the database, so that the log can begin
// anew, while the writer goes on: a commit that did all of it would keep everybody
// waiting who writes. The writer copies what has come in the meantime, which is little.
type checkpointer struct {
	path, log   string
	begin, more int64 // lengths of the log, in bytes
	logNotes
	next    chan struct{}
	ended   chan struct{}
	open    atomic.Bool // it has a connection
	rest    atomic.Bool // the writer is to copy the rest
	copying sync.Mutex  // held by who checkpoints: SQLite refuses a second one at once

	// The writer's:
	under bool  // a checkpoint is under way, or its rest is not copied
	last  int64 // where the log ended when the last one was over
}

// logNotes are what is noted of a log as it is written.
type logNotes struct {
	opened  atomic.Bool  // SQLite's path of it is the one by which openLogs has it
	end     atomic.Int64 // in bytes
	changes *changes
}

// known are the changes, nil while the log is not watched.
func (n *logNotes) known() *changes {
	if !n.opened.Load() {
		return nil
	}
	return n.changes
}

// openLogs are those of the checkpointers, by the path of the log.
var openLogs sync.Map // of *logNotes

// newCheckpointer is to be called before the database is opened, whose file is there.
func newCheckpointer(path string) (*checkpointer, error) {
	file, err := filepath.EvalSymlinks(path) // as SQLite names it
	if err != nil {
		return nil, err
	}
	c := &checkpointer{
		path: path, log: file + "-wal",
		logNotes: logNotes{changes: new(changes)},
		begin:    beginCheckpoint * frameLength, more: moreLog * frameLength,
		next: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	openLogs.Store(c.log, &c.logNotes)
	return c, nil
}

// forget is to be called when no connection is open any more.
func (c *checkpointer) forget() { openLogs.Delete(c.log) }

// loop runs until stop. What a checkpoint meets is left to the next one, and to SQLite's
// own: nothing depends on it but the log's length.
func (c *checkpointer) loop() {
	defer close(c.ended)
	var own *conn
	for range c.next {
		var err error
		if own == nil {
			own, err = connect(c.path, "busy_timeout = 10000")
			c.open.Store(err == nil)
		}
		if err == nil {
			for range 2 { // what came during the first is less than what it copied
				c.copying.Lock()
				_, _ = own.checkpoint("PASSIVE")
				c.copying.Unlock()
			}
		}
		c.rest.Store(true)
	}
	if own != nil {
		_ = own.close()
	}
}

func (c *checkpointer) stop() {
	close(c.next)
	<-c.ended
}

// committed is what the writer does after a commit, once those who wait for it are told.
func (c *checkpointer) committed(writer *conn) {
	end := c.end.Load()
	switch {
	case c.rest.Load():
		if !c.copying.TryLock() { // somebody wipes the log
			return
		}
		_, _ = writer.checkpoint("PASSIVE")
		c.copying.Unlock()
		c.rest.Store(false)
		c.under, c.last = false, end
	case !c.under && end > c.begin && (end < c.last || end > c.last+c.more):
		c.under = true
		c.next <- struct{}{}
	}
}
