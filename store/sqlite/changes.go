package sqlite

import (
	"strconv"
	"sync"
	"sync/atomic"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// changes says which pages of a database were changed by which commits, so that a
// connection that reads needs to read those again alone: SQLite drops all that a
// connection has of a database when anything was committed. Commits are counted from 1 on.
//
// A page is good for as long as no commit changed it after those that its content surely
// has. That never keeps one that a transaction should see otherwise, since
//   - one connection alone writes while others read, its log is watched (logNotes.opened),
//     and between its change, COMMIT and commit no other transaction writes;
//   - the log says change before the commit can be seen, commit comes when it can;
//   - begin counts the commits before the transaction that reads has begun.
//
// All errs on the side of reading again.
type changes struct {
	visible atomic.Int64 // commits that any transaction sees that begins from now on
	last    [changedGroups]atomic.Pointer[lastChanges]
}

// lastChanges has, for each of some pages, the commit that changed it last, or is about to.
// It is made when one of them is changed. Pages whose numbers have the same last bits
// share a place, and are read again more often than needed.
type lastChanges [1 << changedBits]atomic.Int64

const (
	changedBits   = 12
	changedGroups = 64
)

func (c *changes) of(page uint32) (group *atomic.Pointer[lastChanges], place uint32) {
	return &c.last[page>>changedBits%changedGroups], page % (1 << changedBits)
}

// change is called by the one who writes, before a commit that changes the page can be
// seen. One that fails is taken for part of the next one: its pages are read again.
func (c *changes) change(page uint32) {
	group, place := c.of(page)
	last := group.Load()
	if last == nil {
		last = new(lastChanges)
		group.Store(last)
	}
	last[place].Store(c.visible.Load() + 1)
}

// commit is called by the one who writes when a commit can be seen.
func (c *changes) commit() { c.visible.Add(1) }

// since says whether the page may have changed after so many commits.
func (c *changes) since(page uint32, commits int64) bool {
	group, place := c.of(page)
	last := group.Load()
	return last != nil && last[place].Load() > commits
}

// reading is what a connection that reads knows of changes. Its page cache keeps its
// pages by that. It is used by one goroutine at a time.
type reading struct {
	changes *changes
	seen    int64 // commits that any transaction of the connection sees that begins from now on
	number  string
	tls     *libc.TLS // the connection's
}

// readings are those of the connections that are open, by *libc.TLS, all that a page cache
// is told when it is made, and before that by the number that the connection's URI has.
var (
	readings       sync.Map
	readingsNumber atomic.Int64
)

const readingParameter = "reading"

// newReading is for one connection; nil, if c is.
func newReading(c *changes) *reading {
	if c == nil {
		return nil
	}
	r := &reading{changes: c, number: strconv.FormatInt(readingsNumber.Add(1), 10)}
	readings.Store(r.number, r)
	r.begin()
	return r
}

// parameter is what the connection's URI has.
func (r *reading) parameter() string {
	if r == nil {
		return ""
	}
	return "&" + readingParameter + "=" + r.number
}

// openReading is called when the database at path is opened, before there is a page cache.
func openReading(tls *libc.TLS, path uintptr) {
	number := lib.Xsqlite3_uri_parameter(tls, path, readingName)
	if number == 0 {
		return
	}
	if r, ok := readings.LoadAndDelete(libc.GoString(number)); ok {
		r := r.(*reading)
		r.tls = tls
		readings.Store(tls, r)
	}
}

// readingOf is that of a connection, or nil.
func readingOf(tls *libc.TLS) *reading {
	if r, ok := readings.Load(tls); ok {
		return r.(*reading)
	}
	return nil
}

// begin is called before what the connection is to be used for.
func (r *reading) begin() {
	if r != nil {
		r.seen = r.changes.visible.Load()
	}
}

// end is called when the connection is closed, or was not opened.
func (r *reading) end() {
	if r != nil {
		readings.Delete(r.number)
		readings.Delete(r.tls)
	}
}
