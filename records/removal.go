package records

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// kindRemoval is the kind of the items that say that something is being removed for
// good. Who removes writes one and then looks for holds; who holds writes the hold
// and then looks for removals: so one of them sees the other.
const kindRemoval = "removal"

const (
	// removalTime is after which time a removal of a process that died is over.
	removalTime = 2 * time.Minute
	// holdPatience is how long who holds waits for removals to end.
	holdPatience = 10 * time.Second
)

// removing runs remove while it is announced that something is being removed. What
// remove gets ends when that cannot be announced any more.
func (d *Door) removing(ctx context.Context, remove func(context.Context) error) error {
	item := store.Item{Kind: kindRemoval, ID: uuid.NewString(), Body: []byte("{}")}
	announce := func(ctx context.Context) error {
		item.Expires = d.config.Clock().Add(removalTime)
		return d.store.WriteItems(ctx, false, store.ItemChange{Item: item, Expect: store.Any})
	}
	if err := announce(ctx); err != nil {
		return err
	}
	removal, stop := context.WithCancelCause(ctx)
	var announcing sync.WaitGroup
	announcing.Go(func() {
		for sleep(removal, removalTime/4) == nil {
			if err := announce(removal); err != nil {
				stop(err)
			}
		}
	})
	err := remove(removal)
	stop(nil)
	announcing.Wait()
	return errors.Join(err, d.store.WriteItems(context.WithoutCancel(ctx), false, store.ItemChange{Item: item, Expect: store.Any, Delete: true}))
}

// awaitRemovals waits until what was being removed when key was held is gone.
func (d *Door) awaitRemovals(ctx context.Context, key fhir.Key) error {
	first, err := d.store.ListItems(ctx, kindRemoval, "", 1000)
	if err != nil {
		return err
	}
	until := time.Now().Add(holdPatience)
	for _, item := range first {
		for item.Expires.After(d.config.Clock()) {
			if _, err := d.store.ReadItem(ctx, kindRemoval, item.ID); errors.Is(err, store.ErrNotFound) {
				break
			} else if err != nil {
				return err
			}
			if time.Now().After(until) {
				return fault.New(fault.Unavailable, fault.CodeTransient, "", "%s is held from now on, but something is being expunged that was begun before: look whether what is to be held is there", key)
			}
			if err := sleep(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}
