package sqldb

import (
	"sync"
	"sync/atomic"
)

// belonging is to whom versions refer by some parameters, as far as that was looked up.
// What a version refers to does not change, but for a placeholder that
// another row takes the place of, and for a new index. It is safe for concurrent use.
type belonging struct {
	mu    sync.RWMutex
	pages map[stretchKey]*ownersOf
}

// stretchKey is a stretch of versions, and by which parameters they refer.
type stretchKey struct {
	params string
	n      int64
}

const versionsPerPage = 512

type ownersOf [versionsPerPage]atomic.Int64

// What is known of an owner but the rid.
const (
	unknownOwner = 0
	nobody       = -1
	severalOwn   = -2
)

// maxStretches bounds what is remembered to 16 MiB.
const maxStretches = 4096

func newBelonging() *belonging { return &belonging{pages: map[stretchKey]*ownersOf{}} }

func (o *belonging) of(params string, seq int64) int64 {
	o.mu.RLock()
	page := o.pages[stretchKey{params, seq / versionsPerPage}]
	o.mu.RUnlock()
	if page == nil {
		return unknownOwner
	}
	return page[seq%versionsPerPage].Load()
}

func (o *belonging) learn(params string, seq, owner int64) {
	key := stretchKey{params, seq / versionsPerPage}
	o.mu.Lock()
	page := o.pages[key]
	if page == nil {
		if len(o.pages) >= maxStretches {
			clear(o.pages)
		}
		page = new(ownersOf)
		o.pages[key] = page
	}
	o.mu.Unlock()
	page[seq%versionsPerPage].Store(owner)
}
