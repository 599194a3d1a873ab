package records

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Loaded says what became of one resource that Load was given.
type Loaded struct {
	Key     fhir.Key
	Version int64
	// Matched: the same content was there already, nothing was written.
	Matched bool
	// Missing are the resources that it refers to and that are not here (yet);
	// Err then says so, and loading it again later may succeed.
	Missing []fhir.Key
	Err     error // why it was refused, a *fault.Error, or nil
}

// LoadOptions belong to Load.
type LoadOptions struct {
	Request
	// Since is where in the feed the load began: what was written later is not written
	// over, be it by a line of the same load or by somebody else. So a load that is
	// repeated from anywhere does nothing twice. nil: everything is written over.
	Since *Seq
}

// Load stores many single resources fast, as an update under the id they
// have, or as a create when they have none. Conditional references are
// resolved. Each is accepted or refused by itself; the answer has one Loaded
// per content, in order. With Bulk they are durable and seen by others after
// a Flush. The error is for failures of the store, after which none of the
// contents is there.
func (s *Session) Load(ctx context.Context, contents []Content, o LoadOptions) ([]Loaded, error) {
	l := s.Loader(o)
	loaded, err := l.Group().Load(ctx, contents)
	if err == nil && !o.Bulk {
		err = l.Flush(ctx)
	}
	if err != nil {
		return nil, err
	}
	return loaded, nil
}

// Loader returns a Loader of the session.
func (s *Session) Loader(o LoadOptions) *Loader {
	stored := make(chan struct{})
	close(stored)
	return &Loader{session: s, o: o, last: stored, fresh: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
}

// Loader loads groups of resources. They are prepared at the same time, and
// stored one after the other in the order in which they were begun, so that
// each finds what came before it. A Loader is safe for concurrent use.
type Loader struct {
	o    LoadOptions
	seed maphash.Seed

	mu      sync.Mutex
	session *Session
	last    <-chan struct{} // closed when the group begun last is stored
	// fresh has the hashes of the keys that were stored since the last Flush,
	// which a reader outside the store's transaction may not see yet.
	fresh map[uint64]struct{}
}

// Group begins a group. The caller calls its Load once, since the groups
// behind it wait for that.
func (l *Loader) Group() *LoadGroup {
	stored := make(chan struct{})
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &LoadGroup{l: l, s: l.session, before: l.last, stored: stored}
	l.last = stored
	return g
}

// Renew has groups that begin from now on loaded by a session, of the same door, that
// may do other things.
func (l *Loader) Renew(s *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = s
}

// Flush makes everything that was stored durable.
func (l *Loader) Flush(ctx context.Context) error {
	l.mu.Lock()
	door := l.session.door
	l.mu.Unlock()
	if err := door.Flush(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.fresh)
	return nil
}

// remember notes what was stored.
func (l *Loader) remember(keys []fhir.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		l.fresh[maphash.Comparable(l.seed, k)] = struct{}{}
	}
}

// stored says whether a key may have been stored since the last Flush.
func (l *Loader) stored(k fhir.Key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.fresh[maphash.Comparable(l.seed, k)]
	return ok
}

// Flush makes everything that was written with Bulk durable.
func (d *Door) Flush(ctx context.Context) error {
	if err := d.store.Flush(ctx); err != nil {
		return d.fault(err)
	}
	d.namedSince(ctx, d.unnamed.take())
	if d.indexes.unsynced.Swap(false) {
		d.indexes.touched(ctx)
	}
	return nil
}
