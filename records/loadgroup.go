package records

import (
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// LoadGroup is what a Loader stores together.
type LoadGroup struct {
	l      *Loader
	s      *Session
	before <-chan struct{} // closed when the groups before it are stored
	stored chan<- struct{}

	items   []loadItem
	result  []Loaded
	answers loadAnswers
}

type loadItem struct {
	w     *draft // nil once the item is done
	write store.Write
}

// Load is Session.Load in the Loader's order.
func (g *LoadGroup) Load(ctx context.Context, contents []Content) ([]Loaded, error) {
	defer close(g.stored)
	g.items, g.result = make([]loadItem, len(contents)), make([]Loaded, len(contents))
	if err := g.prepare(ctx, contents); err != nil {
		return nil, errors.Join(err, g.turn(ctx))
	}
	if err := g.turn(ctx); err != nil {
		return nil, err
	}
	// One key is written once in a transaction: a later line for the same
	// resource goes into a later one.
	for todo := g.open(); len(todo) > 0; {
		now, later := g.split(todo)
		if err := g.store(ctx, now); err != nil {
			return nil, g.s.door.fault(err)
		}
		todo = later
	}
	return g.result, nil
}

// turn waits until the groups before are stored.
func (g *LoadGroup) turn(ctx context.Context) error {
	select {
	case <-g.before:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refuse records why an item is not stored.
func (g *LoadGroup) refuse(i int, err error) {
	g.result[i].Err = g.s.door.fault(err)
	g.items[i].w = nil
}

// open are the items that are not done.
func (g *LoadGroup) open() []int {
	var todo []int
	for i := range g.items {
		if g.items[i].w != nil {
			todo = append(todo, i)
		}
	}
	return todo
}

func (g *LoadGroup) keys(items []int) []fhir.Key {
	keys := make([]fhir.Key, len(items))
	for n, i := range items {
		keys[n] = g.items[i].w.key
	}
	return keys
}

// split takes the first item of each key.
func (g *LoadGroup) split(todo []int) (now, later []int) {
	seen := make(map[fhir.Key]bool, len(todo))
	for _, i := range todo {
		if k := g.items[i].w.key; seen[k] {
			later = append(later, i)
		} else {
			seen[k] = true
			now = append(now, i)
		}
	}
	return now, later
}

// prepare reads all contents and does with them what can be done before the
// group's turn, which is nearly always all there is to do.
func (g *LoadGroup) prepare(ctx context.Context, contents []Content) error {
	s := g.s
	err := parallel(ctx, len(contents), func(i int) {
		w, err := s.draft(ctx, "", contents[i], g.l.o.Request)
		if err == nil {
			if w.key.ID == "" {
				w.key.ID = s.door.config.NewID()
			}
			g.items[i].w, g.result[i].Key = w, w.key
			err = g.resolve(ctx, w)
		}
		if err != nil {
			g.refuse(i, err)
		}
	})
	if err != nil {
		return err
	}
	todo := g.open()
	current, err := currents(ctx, s.door.store, g.keys(todo))
	if err != nil {
		return s.door.fault(err)
	}
	_, err = g.compare(ctx, todo, current)
	return err
}

// currents reads what is stored under keys.
func currents(ctx context.Context, r store.Reader, keys []fhir.Key) (map[fhir.Key]store.Record, error) {
	versions, err := r.Versions(ctx, keys)
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	current := make(map[fhir.Key]store.Record, len(versions))
	known := make([]fhir.Key, 0, len(versions))
	for k, v := range versions {
		current[k] = store.Record{Key: k, Version: v.Version, Deleted: v.Deleted}
		known = append(known, k)
	}
	records, err := r.ReadMany(ctx, known)
	for _, r := range records {
		current[r.Key] = r
	}
	return current, err
}

// compare holds items against what is stored and composes what differs. It
// returns the items that are still to be written.
func (g *LoadGroup) compare(ctx context.Context, items []int, current map[fhir.Key]store.Record) ([]int, error) {
	err := parallel(ctx, len(items), func(n int) {
		i := items[n]
		it := &g.items[i]
		was := current[it.w.key]
		same, err := g.write(ctx, it, was)
		switch {
		case err != nil:
			g.refuse(i, err)
		case same:
			g.result[i].Version, g.result[i].Matched = was.Version, true
			it.w = nil
		}
	})
	return slices.DeleteFunc(items, func(i int) bool { return g.items[i].w == nil }), err
}

// write makes what the store is to write of an item, unless that is what it
// holds.
func (g *LoadGroup) write(ctx context.Context, it *loadItem, current store.Record) (same bool, err error) {
	s, w := g.s, it.w
	s.door.renew(w)
	if !w.checked {
		if err := s.check(ctx, w, smart.Update); err != nil {
			return false, err
		}
	}
	if err := g.permit(ctx, w, current); err != nil {
		return false, err
	}
	buffer := s.door.buffer()
	w.json = *buffer
	defer func() {
		*buffer, w.json = w.json, nil // it is packed
		s.door.buffers.Put(buffer)
	}()
	if same, err := s.door.unchanged(w, current); same || err != nil {
		return same, err
	}
	if since := g.l.o.Since; since != nil && Seq(current.Seq) > *since {
		return false, fault.New(fault.Conflict, fault.CodeDuplicate, "",
			"%s was written since this load began, by an earlier line of it or by somebody else, and is not written over", w.key)
	}
	it.write, err = s.door.write(w, "PUT", current)
	return false, err
}

// permit refuses to overwrite what the session does not see.
func (g *LoadGroup) permit(ctx context.Context, w *draft, current store.Record) error {
	s := g.s
	if err := s.may(w.key.Type, smart.Update); err != nil {
		return err
	}
	err := s.writable(ctx, current, smart.Update)
	if errors.Is(err, errHidden) || current.Version == 0 && s.bounded(w.key.Type, smart.Update) {
		return unmade(w.key)
	}
	if err != nil {
		return err
	}
	if err := s.replaceable(current); err != nil {
		return err
	}
	return s.door.refers(w, current, func(fhir.Key) bool { return false })
}

// store writes items with different keys in one transaction, without those
// that turn out to be refused.
func (g *LoadGroup) store(ctx context.Context, todo []int) error {
	// What was prepared before something else was stored under the same key.
	var stale []int
	for _, i := range todo {
		if g.l.stored(g.items[i].w.key) {
			stale = append(stale, i)
		}
	}
	for range attempts {
		if len(stale) > 0 {
			if err := g.again(ctx, stale); err != nil {
				return err
			}
			todo = slices.DeleteFunc(todo, func(i int) bool { return g.items[i].w == nil })
			stale = nil
		}
		items, err := g.arriving(ctx, todo)
		if err != nil || len(items) == 0 {
			return err
		}
		err = g.commit(ctx, items)
		if e, ok := errors.AsType[*store.MissingError](err); ok {
			todo = g.strip(items, e)
			continue
		}
		if !errors.Is(err, store.ErrVersion) {
			return err
		}
		todo, stale = items, slices.Clone(items)
	}
	for _, i := range todo {
		g.refuse(i, fault.New(fault.Conflict, fault.CodeConflict, "", "others kept changing the same resource: load it again"))
	}
	return nil
}

// again compares items with what a transaction sees, and composes those anew
// that were prepared for another version.
func (g *LoadGroup) again(ctx context.Context, items []int) error {
	var current map[fhir.Key]store.Record
	err := g.s.door.store.Import(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		current, err = currents(ctx, tx, g.keys(items))
		return err
	})
	if err != nil {
		return err
	}
	d := g.s.door
	items = slices.DeleteFunc(items, func(i int) bool {
		w := g.items[i].w
		return g.items[i].write.Expect == current[w.key].Version && d.current(w)
	})
	_, err = g.compare(ctx, items, current)
	return err
}

func (g *LoadGroup) commit(ctx context.Context, items []int) error {
	u := &unit{s: g.s, bulk: true, writes: make([]store.Write, len(items))}
	drafts := make([]*draft, len(items))
	for n, i := range items {
		u.writes[n], drafts[n] = g.items[i].write, g.items[i].w
	}
	u.needs, u.drafts = needsOf(keysOf(u.writes), drafts...), drafts
	written, err := g.s.door.commit(ctx, u)
	if err != nil {
		return err
	}
	g.l.remember(g.keys(items))
	for n, i := range items {
		g.result[i].Version = written[n].Version
		g.items[i] = loadItem{}
	}
	return nil
}
