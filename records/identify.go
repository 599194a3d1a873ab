package records

import (
	"context"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

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
		if st.cond, err = s.condition(ctx, st.route.typ, criteria); err != nil {
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
					"the entry acts on %s, as entry %d does: a transaction acts on each resource once", k, other.index))
			}
			p.byKey[k] = st
		}
	}
	return failed.err()
}
