package records

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/store"
)

// The lease of who tells subscribers. It is renewed, and who does not see that for a
// while by the own clock takes it, so that no two clocks are compared.
const (
	kindLead   = "subscriptions"
	idLead     = "lead"
	leadRenews = time.Second
	leadSilent = 3 * time.Second // until another one takes it
	leadStops  = 2 * time.Second // until one that cannot renew it stops
	leadLooks  = 500 * time.Millisecond
)

// lease is one process's view of the lease.
type lease struct {
	store   store.Identity
	holder  string
	version int64     // as seen, or written, last
	seen    time.Time // when that was first seen
	held    bool
}

func (l *lease) item() store.Item {
	return store.Item{Kind: kindLead, ID: idLead, Body: []byte(l.holder)}
}

// take says whether the lease is this process's from now on.
func (l *lease) take(ctx context.Context) (bool, error) {
	now, err := l.store.ReadItem(ctx, kindLead, idLead)
	switch {
	case errors.Is(err, store.ErrNotFound):
		now.Version = 0
	case err != nil:
		return false, err
	case now.Version != l.version:
		l.version, l.seen = now.Version, time.Now()
		return false, nil
	case time.Since(l.seen) < leadSilent:
		return false, nil
	}
	return l.write(ctx, now.Version)
}

func (l *lease) write(ctx context.Context, expect int64) (bool, error) {
	err := l.store.WriteItems(ctx, false, store.ItemChange{Item: l.item(), Expect: expect})
	if errors.Is(err, store.ErrVersion) {
		l.held = false
		return false, nil
	}
	if err == nil {
		l.version, l.seen, l.held = expect+1, time.Now(), true
	}
	return err == nil, err
}

// renew keeps the lease until ctx ends or it is lost, which is the error.
func (l *lease) renew(ctx context.Context) error {
	for {
		pause(ctx, leadRenews)
		if ctx.Err() != nil {
			return nil
		}
		trying, cancel := context.WithTimeout(ctx, time.Until(l.seen.Add(leadStops)))
		kept, err := l.write(trying, l.version)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && !kept:
			return errors.New("records: the lease went to another process")
		case time.Since(l.seen) >= leadStops:
			return errors.Join(errors.New("records: the lease could not be renewed"), err)
		}
	}
}

// release gives the lease back, for another process to take at once.
func (l *lease) release(ctx context.Context) {
	if !l.held {
		return
	}
	l.held = false
	ctx, cancel := context.WithTimeout(ctx, leadStops)
	defer cancel()
	// What cannot be given back runs out.
	_ = l.store.WriteItems(ctx, false, store.ItemChange{Item: l.item(), Expect: l.version, Delete: true})
}
