package alerts

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Lease says which of several processes evaluates the rules of a tenant. No two clocks
// are compared: who sees for a while that the lease is not renewed takes it.
type Lease struct {
	store   store.Identity
	holder  string
	silent  time.Duration
	version int64
	seen    time.Time // when this version was seen first, or written
	held    bool
}

const (
	kindLease = "alert-lease"
	idLease   = "lease"
)

// Lease is a process's view of the lease; holder names the process, and silent is
// after how long without renewal the lease goes to another one.
func (b *Book) Lease(holder string, silent time.Duration) *Lease {
	return &Lease{store: b.store, holder: holder, silent: silent}
}

// Hold takes or renews the lease, and says whether it is held. It is called more often
// than silent is long.
func (l *Lease) Hold(ctx context.Context, now time.Time) (bool, error) {
	if l.held && now.Sub(l.seen) < l.silent/3 {
		return true, nil
	}
	item, err := l.store.ReadItem(ctx, kindLease, idLease)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return l.write(ctx, now, 0)
	case err != nil:
		l.held = l.held && now.Sub(l.seen) < l.silent
		return l.held, err
	case l.held && item.Version == l.version:
		return l.write(ctx, now, item.Version)
	case item.Version != l.version:
		l.version, l.seen, l.held = item.Version, now, false
		return false, nil
	case now.Sub(l.seen) < l.silent:
		return false, nil
	}
	return l.write(ctx, now, item.Version)
}

func (l *Lease) write(ctx context.Context, now time.Time, expect int64) (bool, error) {
	err := l.store.WriteItems(ctx, false, store.ItemChange{Item: store.Item{Kind: kindLease, ID: idLease, Body: []byte(`"` + l.holder + `"`)}, Expect: expect})
	if errors.Is(err, store.ErrVersion) {
		l.held = false
		return false, nil
	}
	if err == nil {
		l.version, l.seen, l.held = expect+1, now, true
	}
	return l.held, err
}

// Release gives the lease back, so that another process takes it at once.
func (l *Lease) Release(ctx context.Context) {
	if l.held {
		l.held = false
		// What cannot be given back runs out.
		_ = l.store.WriteItems(ctx, false, store.ItemChange{Item: store.Item{Kind: kindLease, ID: idLease}, Expect: l.version, Delete: true})
	}
}
