package records

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
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
}

// Load stores many single resources fast, as an update under the id they
// have, or as a create when they have none. Conditional references are
// resolved. Each is accepted or refused by itself; the answer has one Loaded
// per content, in order. The error is for failures of the store, after which
// none of the contents is there.
func (s *Session) Load(ctx context.Context, contents []Content, o LoadOptions) ([]Loaded, error) {
	l := &load{s: s, o: o, items: make([]loadItem, len(contents)), result: make([]Loaded, len(contents))}
	if err := l.read(ctx, contents); err != nil {
		return nil, err
	}
	// One key is written once in a transaction: a later line for the same
	// resource goes into a later one.
	for todo := l.open(); len(todo) > 0; {
		now, later := split(l.items, todo)
		if err := l.store(ctx, now); err != nil {
			return nil, s.door.fault(err)
		}
		todo = later
	}
	return l.result, nil
}

// Flush makes everything that was written with Bulk durable.
func (d *Door) Flush(ctx context.Context) error { return d.fault(d.store.Flush(ctx)) }

type load struct {
	s      *Session
	o      LoadOptions
	items  []loadItem
	result []Loaded
	// conditional holds the answers to conditional references.
	mu          sync.Mutex
	conditional map[string]loadAnswer
}

type loadItem struct {
	w     *draft
	write store.Write
}

type loadAnswer struct {
	key fhir.Key
	err error
}

// refuse records why an item is not stored.
func (l *load) refuse(i int, err error) {
	l.result[i].Err = l.s.door.fault(err)
	l.items[i].w = nil
}

// open are the items that were not refused.
func (l *load) open() []int {
	var todo []int
	for i := range l.items {
		if l.items[i].w != nil {
			todo = append(todo, i)
		}
	}
	return todo
}

// split takes the first item of each key.
func split(items []loadItem, todo []int) (now, later []int) {
	seen := make(map[fhir.Key]bool, len(todo))
	for _, i := range todo {
		if k := items[i].w.key; seen[k] {
			later = append(later, i)
		} else {
			seen[k] = true
			now = append(now, i)
		}
	}
	return now, later
}

// read parses, checks and indexes all contents.
func (l *load) read(ctx context.Context, contents []Content) error {
	l.conditional = map[string]loadAnswer{}
	return parallel(ctx, len(contents), func(i int) {
		w, err := l.s.draft(ctx, "", contents[i], l.o.Request)
		if err == nil {
			if w.key.ID == "" {
				w.key.ID = l.s.door.config.NewID()
			}
			l.items[i].w, l.result[i].Key = w, w.key
			err = l.resolve(ctx, w)
		}
		if err == nil {
			err = l.s.check(ctx, w)
		}
		if err != nil {
			l.refuse(i, err)
		}
	})
}

// resolve replaces the conditional references of a draft.
func (l *load) resolve(ctx context.Context, w *draft) error {
	if w.key.Type == "Bundle" {
		return nil
	}
	var issues []fault.Issue
	for n := range w.tree.Root().References() {
		literal := n.Text()
		if !strings.Contains(literal, "?") {
			continue
		}
		typ, criteria, ok := splitCondition(w.rel.defs, l.s.door.below(literal))
		if !ok {
			continue
		}
		l.mu.Lock()
		answer, known := l.conditional[literal]
		l.mu.Unlock()
		if !known {
			answer.key, answer.err = l.match(ctx, typ, criteria, literal)
			l.mu.Lock()
			l.conditional[literal] = answer
			l.mu.Unlock()
		}
		if answer.err != nil {
			if l.s.door.policy.AllowDangling && fault.KindOf(answer.err) == fault.PreconditionFailed {
				continue // it stays as written
			}
			e, ok := errors.AsType[*fault.Error](inside(answer.err, n.Path(), n.Path()))
			if !ok {
				return answer.err
			}
			issues = append(issues, e.Issues...)
			continue
		}
		if err := n.SetText(answer.key.String()); err != nil {
			return err
		}
	}
	if issues != nil {
		return fault.Of(fault.Unprocessable, issues)
	}
	return nil
}

func (l *load) match(ctx context.Context, typ fhir.Type, criteria, literal string) (fhir.Key, error) {
	pairs, err := ParseCriteria(criteria)
	if err != nil {
		return fhir.Key{}, err
	}
	cond, err := l.s.condition(ctx, typ, pairs)
	if err != nil {
		return fhir.Key{}, err
	}
	return l.s.settled(ctx, true, func() (fhir.Key, error) { return cond.reference(ctx, l.s.door.store, literal, nil, nil) })
}

// store writes items with different keys in one transaction, without those
// that turn out to be refused.
func (l *load) store(ctx context.Context, items []int) error {
	d := l.s.door
	for range attempts {
		var err error
		if items, err = l.compare(ctx, items); err != nil || len(items) == 0 {
			return err
		}
		u := &unit{bulk: true}
		drafts := make([]*draft, len(items))
		for n, i := range items {
			u.writes = append(u.writes, l.items[i].write)
			drafts[n] = l.items[i].w
		}
		if left := l.arriving(items, made(u.writes)); len(left) < len(items) {
			items = left
			continue
		}
		u.needs = needsOf(keysOf(u.writes), drafts...)
		written, err := d.commit(ctx, u)
		if e, ok := errors.AsType[*store.MissingError](err); ok {
			items = l.strip(items, e)
			continue
		}
		if errors.Is(err, store.ErrVersion) {
			// The other write may be an import that readers do not see yet.
			if err := d.store.Flush(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		for n, i := range items {
			l.result[i].Version = written[n].Version
			l.items[i] = loadItem{}
		}
		return nil
	}
	for _, i := range items {
		l.refuse(i, fault.New(fault.Conflict, fault.CodeConflict, "", "others kept changing the same resource: load it again"))
	}
	return nil
}

// compare holds items against what is stored and composes what differs.
func (l *load) compare(ctx context.Context, items []int) ([]int, error) {
	d := l.s.door
	keys := make([]fhir.Key, len(items))
	for n, i := range items {
		keys[n] = l.items[i].w.key
	}
	versions, err := d.store.Versions(ctx, keys)
	if err != nil {
		return nil, err
	}
	current := make(map[fhir.Key]store.Record, len(versions))
	var known []fhir.Key
	for k, v := range versions {
		current[k] = store.Record{Key: k, Version: v.Version, Deleted: v.Deleted}
		known = append(known, k)
	}
	if len(known) > 0 {
		records, err := d.store.ReadMany(ctx, known)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			current[r.Key] = r
		}
	}
	err = parallel(ctx, len(items), func(n int) {
		i := items[n]
		w := l.items[i].w
		if err := l.permit(ctx, w, current[w.key]); err != nil {
			l.refuse(i, err)
			return
		}
		same, err := d.unchanged(w, current[w.key])
		if err == nil && same {
			l.result[i].Version, l.result[i].Matched = current[w.key].Version, true
			l.items[i].w = nil
			return
		}
		if err == nil {
			l.items[i].write, err = d.write(w, "PUT", current[w.key])
		}
		if err != nil {
			l.refuse(i, err)
		}
	})
	return slices.DeleteFunc(items, func(i int) bool { return l.items[i].w == nil }), err
}

// arriving refuses the items that refer to versions that neither are here nor
// are made now.
func (l *load) arriving(items []int, made map[fhir.Key]int64) []int {
	return slices.DeleteFunc(items, func(i int) bool {
		err := l.items[i].w.arrives(made)
		if err != nil {
			l.refuse(i, err)
		}
		return err != nil
	})
}

// permit refuses to overwrite what the session does not see.
func (l *load) permit(ctx context.Context, w *draft, current store.Record) error {
	if current.Version == 0 || current.Deleted {
		return nil
	}
	seen, err := l.s.sees(ctx, l.s.door.store, w.key)
	if err == nil && !seen {
		err = fault.New(fault.Forbidden, fault.CodeForbidden, "", "%s is not within what you may write", w.key)
	}
	return err
}

// strip refuses the items that refer to missing resources, and then those that
// refer to them.
func (l *load) strip(items []int, e *store.MissingError) []int {
	lost := map[fhir.Key]bool{}
	for _, k := range e.Keys {
		lost[k] = true
	}
	for again := true; again; {
		again = false
		items = slices.DeleteFunc(items, func(i int) bool {
			w := l.items[i].w
			var missed store.MissingError
			for _, n := range w.needs {
				if lost[n.key] {
					missed.Keys = append(missed.Keys, n.key)
				}
			}
			if missed.Keys == nil {
				return false
			}
			again = true
			if !l.existed(i) {
				lost[w.key] = true
			}
			l.result[i].Missing = missed.Keys
			l.refuse(i, missing(&missed, w))
			return true
		})
	}
	return items
}

// existed says whether an item's resource is there whatever becomes of the item.
func (l *load) existed(i int) bool { return l.items[i].write.Expect > 0 }
