package records

import (
	"context"
	"errors"
	"strconv"

	"github.com/inglehealth/ingle/store"
)

// epochSetting counts the walks over the resources of a type. Who writes index
// rows holds it as it was before he learned by which definitions to make them,
// so that once a walk has counted it up, nobody writes by what was in force
// before what the walk goes by.
const epochSetting = "indexEpoch"

// enter notes an epoch in which the state was read.
func (x *indexes) enter(epoch []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.epoch = epoch
}

// hold is what a transaction is to hold that is made by the state as it is now;
// x.mu is held.
func (x *indexes) hold() store.Setting { return store.Setting{Name: epochSetting, Value: x.epoch} }

// held is hold, by a state that is fresh.
func (x *indexes) held(ctx context.Context) (store.Setting, error) {
	if err := x.refresh(ctx); err != nil {
		return store.Setting{}, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.hold(), nil
}

// expire has the state read again.
func (x *indexes) expire() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.read = x.read.Add(-indexAge)
}

// fence waits for those who write by an earlier state, and sees to it that what
// others have prepared by it is not written.
func (x *indexes) fence(ctx context.Context) error {
	for range attempts {
		was, err := x.store.ReadSetting(ctx, epochSetting)
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(was), 10, 64)
		if err != nil {
			return err
		}
		err = x.store.SwapSetting(ctx, epochSetting, was, strconv.AppendInt(nil, n+1, 10))
		if err == nil {
			return x.reload(ctx)
		}
		if !errors.Is(err, store.ErrVersion) {
			return err
		}
	}
	return store.ErrVersion
}
