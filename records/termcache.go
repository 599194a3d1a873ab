package records

import (
	"context"
	"errors"

	"golang.org/x/sync/semaphore"

	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/internal/recent"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// maxReady bounds what is kept of stored terminology, in bytes of the
// resources' JSON. The least recently used goes first.
const maxReady = 64 << 20

// readyCache keeps what was made ready of each version. Whoever asks names the
// current one, so nothing in it is ever out of date, whichever process wrote the
// resource.
type readyCache struct {
	making *semaphore.Weighted // one is made ready at a time: it takes a multiple of its size
	*recent.Map[written, terminology.Resource]
}

func newReadyCache() *readyCache {
	return &readyCache{making: semaphore.NewWeighted(1), Map: recent.NewMap[written, terminology.Resource](maxReady)}
}

// ready makes the resource of a record, whose body need not be there, ready.
func (d *Door) ready(ctx context.Context, head store.Record) (terminology.Resource, error) {
	k := writtenAs(head)
	if made, ok := d.terms.Get(k); ok {
		return made, nil
	}
	if err := d.terms.making.Acquire(ctx, 1); err != nil {
		return terminology.Resource{}, err
	}
	defer d.terms.making.Release(1)
	if made, ok := d.terms.Get(k); ok { // while this one waited
		return made, nil
	}
	record, err := d.store.ReadVersion(ctx, head.Key, head.Version)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && writtenAs(record) != k: // expunged just now
		return terminology.Resource{}, nil
	case err != nil:
		return terminology.Resource{}, err
	}
	made, err := terminology.ParseResource(record.Body)
	if err != nil {
		return terminology.Resource{}, fault.Wrap(err, fault.Internal, fault.CodeException, "", "%s, as it is stored, cannot be read as terminology", head.Key)
	}
	d.terms.PutSized(k, len(record.Body), made)
	return made, nil
}
