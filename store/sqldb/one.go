package sqldb

import (
	"slices"
	"strconv"
	"strings"

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
// says whether it is shown if these ask nothing. A second statement is for what they ask; what is
// not shown has it anyway, so that what is hidden takes as long as what is missing.
// done is false where that cannot be done, many owners have policies, or what it depends on
// changes again and again.
func (r *run) oneSettled(i int, id string) (done bool, err error) {
	defer func() { r.settled = nil }()
	for range 3 {
		r.settled = new(settled)
		open := all(r.conditions(row, row, i)...)
		if r.err != nil || !r.settled.alike() {
			return false, r.err
		}
		nodes := r.settled.nodes
		found, err := r.candidate(id, open, r.policies(nodes))
		if err != nil {
			return false, err
		}
		if r.settled.policies = found.numbers(); len(r.settled.policies) > mostSettled {
			return false, nil
		}
		if found.open && !slices.ContainsFunc(nodes, func(x search.Governed) bool { return r.asks(x, r.settled.policies).sql != nothing }) {
			r.show(found)
			return true, r.err
		}
		holds, same, err := r.second(i, found, nodes)
		switch {
		case err != nil:
			return false, err
		case found.rid != 0 && !found.record.Deleted && !same:
			continue
		case found.rid != 0 && !found.record.Deleted && holds:
			r.show(found)
		case found.rid != 0:
			r.lookedUp, r.beside = true, &found.record
		default:
			r.lookedUp = true
		}
		return true, nil
	}
	return false, nil
}

func (r *run) show(c *candidate) {
	r.lookedUp, r.records, r.positions = true, []store.Record{c.record}, []position{{rid: c.rid}}
}

// alike says whether all Governed nodes go by the same owners.
func (s *settled) alike() bool {
	return !slices.ContainsFunc(s.nodes, func(x search.Governed) bool {
		return x.Self != s.nodes[0].Self || !slices.Equal(x.Params, s.nodes[0].Params)
	})
}

// candidate is the one resource, rid 0 when there is none, whether it is shown if its
// owners' policies ask nothing, and the numbers of these.
type candidate struct {
	record   store.Record
	rid      int64
	open     bool
	policies string
}

func (c *candidate) numbers() (all []int64) {
	for text := range strings.SplitSeq(c.policies, ",") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// candidate reads the resource of an id.
func (r *run) candidate(id string, open, policies fragment) (*candidate, error) {
	columns, unpack := VersionColumns, r.reader.Unpack
	if r.query.Heads {
		columns, unpack = headColumns, nil
	}
	f := join("", sql("SELECT p.rid, p.open, p.policies, "+columns+" FROM (SELECT r.rid AS rid, r.seq AS seq, CASE WHEN "), open,
		sql(" THEN 1 ELSE 0 END::bigint AS open, "), policies, sql(" AS policies FROM resource r WHERE r.type = ? AND r.id = ?) p"+r.dialect.with("version", "v", "", "v.seq = p.seq"), r.types[0], id))
	var isOpen int64
	var stored versionRow
	found := new(candidate)
	err := ForEach(r.ctx, short(r.db), r.dialect.Rebind(f.sql), f.args, func(in Rows) error {
		err := in.Scan(append([]any{&found.rid, &isOpen, &found.policies}, stored.dest()...)...)
		if err == nil {
			found.record, err = stored.record(id, unpack)
		}
		return err
	})
	if err != nil || found.rid == 0 {
		return found, err
	}
	found.open = isOpen != 0 && !found.record.Deleted
	one := []store.Record{found.record}
	err = r.reader.name(r.ctx, r.db, one, r.types, []int64{stored.origin})
	found.record = one[0]
	return found, err
}

// policies are the numbers of those that the owners of row have, as the nodes find
// them, joined by commas.
func (r *run) policies(nodes []search.Governed) fragment {
	var ways []fragment
	if len(nodes) > 0 {
		x := nodes[0]
		if params := r.ownerParams(x); len(params) > 0 {
			ways = append(ways, join("", sql("SELECT g.policy FROM reference f CROSS JOIN LATERAL "), r.lastSpan(x, "g", sql("f.target")),
				sql(" WHERE f.rid = r.rid AND "), in("f.param", params), sql(" AND g.until > ?", x.At)))
		}
		if x.Self {
			ways = append(ways, join("", sql("SELECT g.policy FROM "), r.lastSpan(x, "g", sql("r.rid")), sql(" WHERE g.until > ?", x.At)))
		}
	}
	if ways == nil {
		return sql("''")
	}
	return join("", sql("coalesce((SELECT string_agg(n.policy::text, ',' ORDER BY n.policy) FROM ("), join(" UNION ", ways...), sql(") n), '')"))
}

// second says whether what was found is shown with the policies; same is false when it, or
// they, are no longer what they were.
func (r *run) second(i int, found *candidate, nodes []search.Governed) (holds, same bool, err error) {
	f := join("", sql("SELECT CASE WHEN "), all(r.conditions(row, row, i)...),
		sql(" THEN 1 ELSE 0 END::bigint FROM resource r WHERE r.rid = ? AND r.seq = ? AND ", found.rid, int64(found.record.Seq)), r.policies(nodes), sql(" = ?", found.policies))
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
