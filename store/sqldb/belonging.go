package sqldb

import (
	"sync"
	"sync/atomic"
)

// belonging is what was found out of versions: to whom they refer, under the parameters by
// which, and which conditions hold of them, under the *decided that has these. That does
// not change with a version, but for a placeholder that another row takes the place of,
// and for a new index. It is safe for concurrent use.
type belonging struct {
	mu    sync.Mutex
	of    map[any]*versions
	bytes int
}

// maxRemembered bounds what is remembered, in bytes.
const maxRemembered = 32 << 20

func newBelonging() *belonging { return &belonging{of: map[any]*versions{}} }

// under is what was found out under a key.
func (b *belonging) under(key any) *versions {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.of[key]
	if v == nil {
		v = &versions{all: b}
		v.pages.Store(new([]atomic.Pointer[versionPage]))
		b.of[key] = v
	}
	return v
}

// takes counts what is remembered; who goes on with what is forgotten does no harm. b.mu
// is held.
func (b *belonging) takes(bytes int) {
	if b.bytes += bytes; b.bytes > maxRemembered {
		clear(b.of)
		b.bytes = 0
	}
}

// versions has a number for each version; 0 where nothing is known.
type versions struct {
	all   *belonging
	pages atomic.Pointer[[]atomic.Pointer[versionPage]]
}

const versionsPerPage = 512

type versionPage [versionsPerPage]atomic.Int64

func (v *versions) get(seq int64) int64 {
	pages, n := *v.pages.Load(), seq/versionsPerPage
	if n >= int64(len(pages)) {
		return 0
	}
	page := pages[n].Load()
	if page == nil {
		return 0
	}
	return page[seq%versionsPerPage].Load()
}

func (v *versions) set(seq, number int64) {
	v.page(seq / versionsPerPage)[seq%versionsPerPage].Store(number)
}

// page is the page of a place, which is made if it is not there.
func (v *versions) page(n int64) *versionPage {
	v.all.mu.Lock()
	defer v.all.mu.Unlock()
	pages := *v.pages.Load()
	if n >= int64(len(pages)) {
		grown := make([]atomic.Pointer[versionPage], n+n/4+1)
		for i := range pages {
			grown[i].Store(pages[i].Load())
		}
		v.pages.Store(&grown)
		v.all.takes(8 * (len(grown) - len(pages)))
		pages = grown
	}
	page := pages[n].Load()
	if page == nil {
		page = new(versionPage)
		pages[n].Store(page)
		v.all.takes(8 * versionsPerPage)
	}
	return page
}
