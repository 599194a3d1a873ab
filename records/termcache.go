package records

import (
	"container/list"
	"context"
	"errors"
	"sync"

	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// maxReady bounds what is kept of stored terminology, in bytes of the
// resources' JSON. The least recently used goes first.
const maxReady = 64 << 20

// ready is a stored value set, code system or concept map, made ready for
// questions.
type ready struct {
	valueSet   *terminology.ValueSet
	codeSystem *terminology.CodeSystem
	conceptMap *terminology.ConceptMap
}

// readyCache keeps what was made ready by key and version. A version never
// changes, and whoever asks names the current one, so nothing in it is ever
// out of date, whichever process wrote the resource.
type readyCache struct {
	mu    sync.Mutex
	bytes int64
	of    map[readyKey]*list.Element
	order list.List // of *readyEntry, the most recently used in front
}

type readyKey struct {
	key     fhir.Key
	version int64
}

type readyEntry struct {
	readyKey
	size int64
	made *ready
}

func (c *readyCache) get(k readyKey) *ready {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.of[k]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*readyEntry).made
}

func (c *readyCache) put(k readyKey, size int64, made *ready) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.of[k]; ok {
		return
	}
	if c.of == nil {
		c.of = map[readyKey]*list.Element{}
	}
	c.of[k] = c.order.PushFront(&readyEntry{k, size, made})
	c.bytes += size
	// One that is larger than all there is room for stays until the next comes.
	for c.bytes > maxReady && c.order.Len() > 1 {
		last := c.order.Remove(c.order.Back()).(*readyEntry)
		delete(c.of, last.readyKey)
		c.bytes -= last.size
	}
}

// ready makes the resource of a record, whose body need not be there, ready.
func (d *Door) ready(ctx context.Context, head store.Record) (*ready, error) {
	k := readyKey{head.Key, head.Version}
	if made := d.terms.get(k); made != nil {
		return made, nil
	}
	record, err := d.store.ReadVersion(ctx, head.Key, head.Version)
	if errors.Is(err, store.ErrNotFound) { // expunged just now
		return new(ready), nil
	}
	if err != nil {
		return nil, err
	}
	v, c, m, err := definitions.ParseTerminology(record.Body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, fault.CodeException, "", "%s, as it is stored, cannot be read as terminology", head.Key)
	}
	made := new(ready)
	switch {
	case v != nil:
		made.valueSet = terminology.NewValueSet(v)
	case c != nil:
		made.codeSystem = terminology.NewCodeSystem(c)
	case m != nil:
		made.conceptMap = terminology.NewConceptMap(m)
	}
	d.terms.put(k, int64(len(record.Body)), made)
	return made, nil
}
