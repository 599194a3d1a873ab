package records

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/engine/patch"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
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
	drafts     []*draft // of writes
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
	told    bool // the answer may show what w becomes
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
				if err := p.t.s.writable(ctx, r, smart.Delete); err != nil {
					return err
				}
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
	hidden, i := false, interactionOf(st.method)
	if st.current.Version == 0 && st.cond == nil && (st.method != "PUT" || s.bounded(st.key.Type, i)) {
		if err := s.missed(ctx, st.key, i); err != nil {
			return err
		}
	}
	if err := s.writable(ctx, st.current, i); errors.Is(err, errHidden) {
		st.current, hidden = store.Record{}, true
	} else if err != nil {
		return err
	}
	exists := st.current.Version > 0 && !st.current.Deleted
	if err := st.precondition.check(st.key, st.current); err != nil {
		return err
	}
	switch {
	case st.method == "DELETE":
	case exists && st.method == "PATCH":
		if err := s.patchable(ctx, st.current); err != nil {
			return err
		}
		return s.replaceable(st.current)
	case exists:
		return s.replaceable(st.current)
	case st.method == "PATCH":
		return notFound(st.key)
	case s.door.policy.ClientIDs == ServerChooses && st.cond == nil:
		return fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "",
			"%s does not exist, and this server chooses ids itself: use POST", st.key)
	case hidden || st.cond == nil && st.current.Version == 0 && s.bounded(st.key.Type, i):
		return unmade(st.key)
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
		if err := s.check(ctx, w, interactionOf(st.method)); err != nil {
			return err
		}
		if err := s.door.refers(w, st.current, p.makes); err != nil {
			return err
		}
		p.settle(w)
		st.w, st.told = w, s.maySee(ctx, w)
		defer w.shed()
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

// settle drops the needs that the transaction itself meets.
func (p *plan) settle(w *draft) {
	w.needs = slices.DeleteFunc(w.needs, func(n need) bool { return p.makes(n.key) })
}

// makes says whether the transaction itself writes a resource.
func (p *plan) makes(key fhir.Key) bool {
	st := p.byKey[key]
	return st != nil && st.method != "DELETE" && !st.matched
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
		p.drafts = append(p.drafts, w)
		p.needs = append(p.needs, needsOf(written, w)...)
		for _, k := range p.deletes {
			delete(written, k)
		}
	}
	versions := made(p.writes)
	var failed failures
	for _, st := range p.steps {
		if st.w != nil {
			failed.add(st.fail(st.w.arrives(versions)))
		}
	}
	if err := failed.err(); err != nil {
		return err
	}
	p.drafts = append(p.drafts, drafts...)
	p.needs = append(p.needs, needsOf(written, drafts...)...)
	slices.SortFunc(p.needs, fhir.Key.Compare)
	p.needs = slices.Compact(p.needs)
	return p.bereft(ctx)
}

// bereft refuses references to what the same transaction deletes.
func (p *plan) bereft(ctx context.Context) error {
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
	return p.missing(ctx, &lost)
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
