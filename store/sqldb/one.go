package sqldb

import (
	"cmp"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// one reads the resource that conjunct number i asks for, if the others hold of it.
func (r *run) one(i int) error {
	r.trace.criteria(r.conjuncts)
	r.trace.estimated(i, 1, true)
	r.trace.drives(i)
	r.trace.way("the one resource of a key")
	r.size, r.short, r.settled = nil, true, nil
	id := Clean(r.conjuncts[i].(search.IDs)[0])
	if r.dialect.Lateral && r.trace == nil {
		if done, err := r.oneSettled(i, id); done || err != nil {
			return err
		}
	}
	key := sql("r.type = ? AND r.id = ? AND r.deleted + 0 = 0", r.types[0], id) // "+ 0" as in idSet
	return r.read(join("", sql("SELECT r.rid AS rid"+rowColumns+" FROM resource r WHERE "), all(append([]fragment{key}, r.conditions(row, row, i)...)...)), nil)
}

// mostSettled bounds the policies of whose conditions a statement is made.
const mostSettled = 8

// oneSettled is one by a statement that reads the resource, and the policies of its owners, and
// says whether it is shown if these ask nothing that holds, as the hints mostly say of what is shown. A
// second statement is for what they do not say; what is not shown has it anyway, so that what is hidden
// takes as long as what is missing.
// done is false where that cannot be done, many owners have policies, or what it depends on
// changes again and again.
func (r *run) oneSettled(i int, id string) (done bool, err error) {
	defer func() { r.settled = nil }()
	for range 3 {
		r.settled = new(settled)
		hints, open := r.hint(i)
		asked := r.settled.nodes
		r.settled.nodes = append(asked[:len(asked):len(asked)], hints.nodes...)
		nodes := r.settled.nodes
		if r.err != nil || !r.settled.alike() {
			return false, r.err
		}
		owned := r.owners(nodes, hints)
		found, err := r.candidate(id, hints, open, owned)
		if err != nil {
			return false, err
		}
		owners, err := ownersOf(found.owners)
		if err != nil {
			return false, err
		}
		if r.settled.policies = policiesOf(owners); len(r.settled.policies) > mostSettled {
			return false, nil
		}
		r.marks = marksOf(owners)
		if found.open && hints.show(r.settled.policies) && !slices.ContainsFunc(asked, func(x search.Governed) bool { return r.asks(x, r.settled.policies).sql != nothing }) {
			if there, err := r.show(found); err != nil || there {
				return there, cmp.Or(err, r.err)
			}
			continue
		}
		holds, same, err := r.second(i, found, owned)
		switch {
		case err != nil:
			return false, err
		case found.rid != 0 && !found.record.Deleted && !same:
			continue
		case found.rid != 0 && !found.record.Deleted && holds:
			if err := r.learnOutlines(hints.unknown); err != nil {
				return false, err
			}
			if there, err := r.show(found); err != nil {
				return false, err
			} else if !there {
				continue
			}
		case found.rid != 0:
			r.lookedUp, r.beside = true, &found.record
		default:
			r.lookedUp = true
		}
		return true, nil
	}
	return false, nil
}

// show unpacks the body and makes the page of it; there is false when the version is gone.
func (r *run) show(c *candidate) (there bool, err error) {
	if !r.query.Heads {
		if c.body == nil {
			err := ForEach(r.ctx, short(r.db), r.dialect.Rebind("SELECT v.body FROM version v WHERE v.seq = ?"), []any{int64(c.record.Seq)}, func(in Rows) error { return in.Scan(&c.body) })
			if err != nil || c.body == nil {
				return false, err
			}
		}
		if c.record.Body, err = r.reader.Unpack(c.body); err != nil {
			return false, err
		}
	}
	r.lookedUp, r.records, r.positions = true, []store.Record{c.record}, []position{{rid: c.rid}}
	return true, nil
}

// alike says whether all Governed nodes go by the same owners.
func (s *settled) alike() bool {
	return !slices.ContainsFunc(s.nodes, func(x search.Governed) bool {
		return x.Self != s.nodes[0].Self || !slices.Equal(x.Params, s.nodes[0].Params)
	})
}

// candidate is the one resource without its body, rid 0 when there is none, whether it is shown if
// its owners' policies ask nothing, and the owners as ownersOf reads them.
type candidate struct {
	record store.Record
	body   []byte // packed; nil when it is large: what is hidden takes no longer for that
	rid    int64
	open   bool
	owners string
}

// candidate reads the resource of an id.
func (r *run) candidate(id string, h *hints, open, owners fragment) (*candidate, error) {
	marked, outlines, dates := h.columns(r)
	if r.err != nil {
		return nil, r.err
	}
	columns := smallColumns
	if r.query.Heads {
		columns = headColumns
	}
	f := join("", sql("SELECT p.rid, p.open, p.owners, p.marked, p.outlines, p.dates, "+columns+" FROM (SELECT r.rid AS rid, r.seq AS seq, CASE WHEN "), open,
		sql(" THEN 1 ELSE 0 END::bigint AS open, "), owners, sql(" AS owners, "), marked, sql("::bigint AS marked, "), outlines, sql(" AS outlines, "), dates, sql(" AS dates FROM resource r WHERE r.type = ? AND r.id = ?) p"+r.dialect.with("version", "v", "", "v.seq = p.seq"), r.types[0], id))
	var isOpen, isMarked int64
	var outlinesText, datesText string
	var stored versionRow
	found := new(candidate)
	err := ForEach(r.ctx, short(r.db), r.dialect.Rebind(f.sql), f.args, func(in Rows) error {
		err := in.Scan(append([]any{&found.rid, &isOpen, &found.owners, &isMarked, &outlinesText, &datesText}, stored.dest()...)...)
		if err == nil {
			found.record, err = stored.record(id, nil)
			found.body = stored.body
		}
		return err
	})
	if err != nil || found.rid == 0 {
		return found, err
	}
	if err := h.say(r, isMarked, outlinesText, datesText); err != nil {
		return found, err
	}
	found.open = isOpen != 0 && !found.record.Deleted
	one := []store.Record{found.record}
	err = r.reader.name(r.ctx, r.db, one, r.types, []int64{stored.origin})
	found.record = one[0]
	return found, err
}

// ownersKey is what the text of owners depends on besides their parameters, which are those
// of the filter with which it is kept.
type ownersKey struct {
	names      *Names
	self, sole bool
}

// owners are those of row, as the nodes find them and ownersOf reads them.
func (r *run) owners(nodes []search.Governed, h *hints) fragment {
	if len(nodes) == 0 {
		return sql("''")
	}
	x := nodes[0]
	i := slices.IndexFunc(h.told, func(x search.Standing) bool { return hintedOf(x).nodes != nil }) // all nodes have its parameters
	if i < 0 {
		return r.ownersBy(x)
	}
	m := r.kept(h.told[i].Made, ownersKey{r.names, x.Self, x.Sole}, false, func() *made {
		return r.making(func(c *compiler) fragment { return c.ownersBy(x) })
	})
	f := fragment{m.sql, slices.Clone(m.args)}
	for i, a := range f.args {
		if _, is := a.(moment); is {
			f.args[i] = x.At
		}
	}
	return f
}

// ownersBy are those that one node finds.
func (c *compiler) ownersBy(x search.Governed) fragment {
	var ways []fragment
	if params := c.ownerParams(x); len(params) > 0 {
		ways = append(ways, join("", ownerText("f.target", c.when(x)), sql(" FROM reference f LEFT JOIN LATERAL "), c.lastSpan(x, "g", sql("f.target")),
			sql(" ON true WHERE f.rid = r.rid AND "), in("f.param", params)))
	}
	if x.Self {
		ways = append(ways, join("", ownerText("r.rid", c.when(x)), sql(" FROM (SELECT) s LEFT JOIN LATERAL "), c.lastSpan(x, "g", sql("r.rid")), sql(" ON true")))
	}
	switch {
	case ways == nil:
		return sql("''")
	case len(ways) == 1 && x.Sole: // nothing is to be sorted
		return join("", sql("array_to_string(ARRAY("), ways[0], sql("), ',')"))
	}
	return join("", sql("coalesce((SELECT string_agg(n.owner, ',' ORDER BY n.owner) FROM ("), join(" UNION ", ways...), sql(") n), '')"))
}

// second says whether what was found is shown with the policies; same is false when it, or
// what governs it, is no longer what it was.
func (r *run) second(i int, found *candidate, owned fragment) (holds, same bool, err error) {
	f := join("", sql("SELECT CASE WHEN "), all(r.conditions(row, row, i)...),
		sql(" THEN 1 ELSE 0 END::bigint FROM resource r WHERE r.rid = ? AND r.seq = ? AND ", found.rid, int64(found.record.Seq)), owned, sql(" = ?", found.owners))
	if r.err != nil {
		return false, false, r.err
	}
	var is int64
	err = ForEach(r.ctx, short(r.db), r.dialect.Rebind(f.sql), f.args, func(in Rows) error {
		same = true
		return in.Scan(&is)
	})
	return is != 0, same, err
}
