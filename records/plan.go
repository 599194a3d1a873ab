package records

import (
	"cmp"
	"context"
	"slices"

	"github.com/inglehealth/ingle/engine/patch"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// plan is a transaction worked out against what the store holds at one time:
// identities first, then content, all that is left being the writes.
type plan struct {
	t          *transaction
	steps      []*step
	of         map[*entry]*step
	byKey      map[fhir.Key]*step // steps that write, by what they write
	conditions []*step            // whose match must still hold when they commit
	references map[string]fhir.Key
	writes     []store.Write
	deletes    []fhir.Key
	needs      []fhir.Key
}

// step is what an entry comes to in a plan.
type step struct {
	*entry
	key     fhir.Key
	cond    *condition
	found   []store.Record // what cond found
	current store.Record   // the version before; of a matched create, the match
	matched bool           // a conditional create that found its resource
	twin    *step          // an entry before it that creates by the same condition
	patch   patch.Patch
	w       *draft
	writes  []store.Write
}

func (t *transaction) plan(ctx context.Context) (*plan, error) {
	p := &plan{t: t, steps: make([]*step, len(t.entries)), of: make(map[*entry]*step, len(t.entries))}
	for i, e := range t.entries {
		p.steps[i] = &step{entry: e}
		p.of[e] = p.steps[i]
	}
	for _, work := range []func(context.Context) error{p.identify, p.claim, p.load, p.resolve, p.draft, p.gather} {
		if err := work(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// each runs fn for every writing step on all cores and gathers the errors.
func (p *plan) each(ctx context.Context, fn func(st *step) error) error {
	errs := make([]error, len(p.steps))
	err := parallel(ctx, len(p.steps), func(i int) {
		if st := p.steps[i]; st.entry.writes() {
			if err := fn(st); err != nil {
				errs[i] = st.fail(p.t.s.door.fault(err))
			}
		}
	})
	if err != nil {
		return err
	}
	var failed failures
	for _, err := range errs {
		failed.add(err)
	}
	return failed.err()
}

// identify finds which resource each writing entry means.
func (p *plan) identify(ctx context.Context) error {
	s := p.t.s
	err := p.each(ctx, func(st *step) (err error) {
		st.key = st.route.key()
		criteria := st.route.pairs
		if st.method == "POST" {
			if criteria = st.ifNoneExist; criteria == nil {
				return nil
			}
		} else if st.route.kind == routeInstance {
			return nil
		}
		if st.cond, err = s.condition(st.route.typ, criteria); err != nil {
			return err
		}
		if st.method == "DELETE" {
			st.found, err = st.cond.doomed(ctx, s.door.store)
			return err
		}
		match, err := st.cond.one(ctx, s.door.store)
		if err == nil && match.Version > 0 {
			st.found = []store.Record{match}
		}
		return err
	})
	if err != nil {
		return err
	}
	first := map[string]*step{}
	var failed failures
	for _, st := range p.steps {
		if !st.entry.writes() {
			continue
		}
		if st.cond != nil && st.method == "POST" {
			name := string(st.route.typ) + "?" + st.ifNoneExistText
			if st.twin = first[name]; st.twin != nil {
				st.key = st.twin.key
				continue
			}
			first[name] = st
		}
		failed.add(p.choose(ctx, st))
	}
	return failed.err()
}

// choose settles the key of a step.
func (p *plan) choose(ctx context.Context, st *step) (err error) {
	s := p.t.s
	match := store.Record{}
	if len(st.found) > 0 {
		match = st.found[0]
	}
	switch {
	case st.method == "POST" && match.Version > 0:
		st.key, st.current, st.matched = match.Key, match, true
	case st.method == "POST":
		st.key.ID = s.door.config.NewID()
	case st.cond == nil, st.method == "DELETE":
	case match.Version > 0:
		st.key = match.Key
	case st.method == "PATCH":
		return st.fail(fault.New(fault.NotFound, fault.CodeNotFound, "", "the criteria match no %s", st.route.typ))
	default:
		st.key.ID = fhir.ID(st.resource.Child("id").Text())
		if st.key.ID, err = s.newID(ctx, st.key); err != nil {
			return st.fail(err)
		}
	}
	if st.cond != nil && !st.matched {
		p.conditions = append(p.conditions, st)
	}
	return nil
}

// claim refuses a transaction in which two entries write the same resource.
func (p *plan) claim(context.Context) error {
	p.byKey = make(map[fhir.Key]*step, len(p.steps))
	var failed failures
	for _, st := range p.steps {
		if !st.entry.writes() || st.twin != nil {
			continue
		}
		keys := []fhir.Key{st.key}
		if st.method == "DELETE" && st.cond != nil {
			keys = keys[:0]
			for _, r := range st.found {
				keys = append(keys, r.Key)
			}
		}
		for _, k := range keys {
			other := p.byKey[k]
			if other != nil && (!other.matched || !st.matched) {
				failed.add(fault.New(fault.Invalid, fault.CodeDuplicate, st.place()+".request",
					"means %s, as entry %d does: a transaction acts on each resource once", k, other.index))
			}
			p.byKey[k] = st
		}
	}
	return failed.err()
}

// load reads the versions before, and holds them against the preconditions.
func (p *plan) load(ctx context.Context) error {
	d := p.t.s.door
	var keys []fhir.Key
	for _, st := range p.steps {
		if st.entry.writes() && st.method != "POST" && (st.method != "DELETE" || st.cond == nil) {
			keys = append(keys, st.key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	versions, err := d.store.Versions(ctx, keys)
	if err != nil {
		return err
	}
	records, err := d.store.ReadMany(ctx, keys)
	if err != nil {
		return err
	}
	current := make(map[fhir.Key]store.Record, len(records))
	for k, v := range versions {
		current[k] = store.Record{Key: k, Version: v.Version, Deleted: v.Deleted}
	}
	for _, r := range records {
		// Of two reads the later one counts; another write in between shows as
		// a conflict at the commit.
		current[r.Key] = r
	}
	return p.each(ctx, func(st *step) error {
		switch {
		case st.method == "POST":
			return nil
		case st.method == "DELETE" && st.cond != nil:
			for _, r := range st.found {
				if err := st.precondition.check(r.Key, r); err != nil {
					return err
				}
			}
			return nil
		}
		st.current = current[st.key]
		return p.permit(ctx, st)
	})
}

// permit refuses what policy, precondition or filter forbid.
func (p *plan) permit(ctx context.Context, st *step) error {
	s := p.t.s
	exists := st.current.Version > 0 && !st.current.Deleted
	if exists {
		seen, err := s.sees(ctx, s.door.store, st.key)
		if err != nil {
			return err
		}
		if !seen {
			return fault.New(fault.Forbidden, fault.CodeForbidden, "", "%s is not within what you may write", st.key)
		}
	}
	if err := st.precondition.check(st.key, st.current); err != nil {
		return err
	}
	switch {
	case exists, st.method == "DELETE":
	case st.method == "PATCH":
		return notFound(st.key)
	case s.door.policy.ClientIDs == ServerChooses && st.cond == nil:
		return fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "",
			"%s does not exist, and this server chooses ids itself: use POST", st.key)
	}
	return nil
}

// draft makes the content of every write.
func (p *plan) draft(ctx context.Context) error {
	s := p.t.s
	return p.each(ctx, func(st *step) error {
		switch {
		case st.matched, st.twin != nil:
			return nil
		case st.method == "DELETE":
			doomed := st.found
			if st.cond == nil && st.current.Version > 0 && !st.current.Deleted {
				doomed = []store.Record{st.current}
			}
			for _, r := range doomed {
				st.writes = append(st.writes, s.door.deletion(r))
			}
			return nil
		}
		w, err := p.content(ctx, st)
		if err != nil {
			return err
		}
		if err := p.link(st, w.tree); err != nil {
			return err
		}
		if err := s.check(ctx, w); err != nil {
			return err
		}
		p.settle(w)
		st.w = w
		if same, err := s.door.unchanged(w, st.current); err != nil || same {
			return err
		}
		write, err := s.door.write(w, st.method, st.current)
		st.writes = []store.Write{write}
		return err
	})
}

// content is the resource that a POST, PUT or PATCH entry brings about.
func (p *plan) content(ctx context.Context, st *step) (*draft, error) {
	s := p.t.s
	if st.method == "PATCH" {
		if st.patch == nil {
			c, err := patchOf(st.resource)
			if err != nil {
				return nil, err
			}
			if st.patch, err = s.door.patch(c); err != nil {
				return nil, err
			}
		}
		return s.patched(ctx, st.current, st.patch, p.t.o.Request)
	}
	w, err := s.draft(ctx, st.route.typ, Content{Tree: st.resource.CopyTree(), Release: p.t.rel.defs.Release}, p.t.o.Request)
	if err != nil {
		return nil, err
	}
	if st.method == "PUT" && (st.cond == nil || w.key.ID != "" && st.current.Version > 0) {
		if err := sameID(w, st.key.ID); err != nil {
			return nil, err
		}
	}
	w.key = st.key
	return w, nil
}

// settle drops the needs that the transaction itself meets, and the tree of a
// draft that has none left.
func (p *plan) settle(w *draft) {
	w.needs = slices.DeleteFunc(w.needs, func(n need) bool {
		st := p.byKey[n.key]
		return st != nil && st.method != "DELETE" && !st.matched
	})
}

// gather puts the writes in the order of processing.
func (p *plan) gather(ctx context.Context) error {
	ordered := slices.Clone(p.steps)
	slices.SortStableFunc(ordered, func(a, b *step) int {
		if c := cmp.Compare(a.order(), b.order()); c != 0 || a.order() == 1 {
			return c
		}
		// Existing rows in one order, so that transactions rarely wait for
		// each other in a circle.
		return a.key.Compare(b.key)
	})
	written := make(map[fhir.Key]bool, len(p.steps))
	var drafts []*draft
	for _, st := range ordered {
		for _, w := range st.writes {
			p.writes = append(p.writes, w)
			if st.method == "DELETE" {
				p.deletes = append(p.deletes, w.Key)
			} else {
				written[w.Key] = true
			}
		}
		if st.w != nil {
			drafts = append(drafts, st.w)
		}
		if st.matched {
			p.needs = append(p.needs, st.key)
		}
	}
	if p.t.o.Provenance != nil && len(p.writes) > 0 {
		w, write, err := p.t.s.provenance(ctx, *p.t.o.Provenance, p.t.o.Request, p.writes)
		if err != nil {
			return err
		}
		for _, k := range p.deletes {
			written[k] = true // it tells of the delete
		}
		p.writes = append(p.writes, write)
		p.needs = append(p.needs, needsOf(written, w)...)
		for _, k := range p.deletes {
			delete(written, k)
		}
	}
	p.needs = append(p.needs, needsOf(written, drafts...)...)
	slices.SortFunc(p.needs, fhir.Key.Compare)
	p.needs = slices.Compact(p.needs)
	return p.bereft()
}

// bereft refuses references to what the same transaction deletes.
func (p *plan) bereft() error {
	if len(p.deletes) == 0 || p.t.s.door.policy.AllowDangling {
		return nil
	}
	var lost store.MissingError
	for _, k := range p.deletes {
		if slices.Contains(p.needs, k) {
			lost.Keys = append(lost.Keys, k)
		}
	}
	if lost.Keys == nil {
		return nil
	}
	return p.missing(&lost)
}

// locks are the names that the plan's conditions lock, sorted.
func (p *plan) locks() []string {
	var names []string
	for _, st := range p.conditions {
		names = append(names, lockOf(st.route.typ))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// recheck repeats the conditions under their locks.
func (p *plan) recheck(ctx context.Context, r store.Reader) error {
	for _, st := range p.conditions {
		again := st.cond.still
		var match store.Record
		if len(st.found) > 0 {
			match = st.found[0]
		}
		check := again(match)
		if st.method == "DELETE" {
			check = st.cond.stillDoomed(st.found)
		}
		if err := check(ctx, r); err != nil {
			return st.fail(err)
		}
	}
	return nil
}
