package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store/sqldb"
)

// Concurrent Writes of this process share transactions, for most of what a
// small one costs is the round trips and the commit. A member of a group does
// no more than Require, one Put, and ask who refers to what it deletes; it is
// run by its caller as far as the Put and joins there. A group is two round
// trips: what its members have to know, with the locks, and what they write,
// with the commit.
//
// A group never waits for a lock of another transaction, and no member sees
// what another one wrote. Whatever is not plain success runs by itself
// instead, and has its exact result there.

// Limits of groups.
const (
	lanes       = 1    // groups on their way at once
	maxGroup    = 128  // members
	maxPut      = 200  // writes of a member
	maxRows     = 5000 // index rows of a member
	rejoins     = 3    // how often a member that met another one joins again
	groupTime   = 60 * time.Second
	uniqueWaits = "200" // milliseconds for which an insert waits to see whether another one commits
)

// lane commits one group after the other.
func (s *Store) lane() {
	for first := range s.joining {
		s.serve(gather(first, s.joining, maxGroup))
	}
}

// serve brings every member to its end.
func (s *Store) serve(members []*member) {
	members = slices.DeleteFunc(members, func(m *member) bool { return !m.taken.CompareAndSwap(false, true) })
	if len(members) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), groupTime)
	defer cancel()
	g := group{store: s, claims: map[fhir.Key]claim{}}
	for _, m := range members {
		if g.claim(m) {
			g.members = append(g.members, m)
		} else {
			m.plan <- errAgain
		}
	}
	conn, err := s.short.Acquire(ctx)
	if err != nil {
		g.answer(errAlone)
		return
	}
	defer conn.Release()
	g.tx = &tx{store: s, conn: conn, attempt: 1}
	if err := g.look(ctx); err != nil {
		if away(err) {
			s.short.Reset()
		}
		g.tx.rollback()
		g.answer(errAlone)
		return
	}
	g.settle()
	err = g.write(ctx)
	if err != nil {
		g.tx.rollback()
		if refused(err) {
			err = errAlone
		}
	}
	for _, m := range g.members {
		m.outcome <- err
	}
}

// group is some members in one transaction.
type group struct {
	store   *Store
	tx      *tx
	members []*member
	claims  map[fhir.Key]claim
}

// claim is what a group's members do with a key.
type claim uint8

const (
	required claim = 1 << iota
	written
	deleted
)

// claim takes the member's keys unless that meets another member's.
func (g *group) claim(m *member) bool {
	for _, k := range m.needs {
		if g.claims[k]&deleted != 0 {
			return false
		}
	}
	for i := range m.writes {
		w := &m.writes[i]
		have := g.claims[w.Key]
		if have&(written|deleted) != 0 || have != 0 && w.deleted() {
			return false
		}
	}
	for _, k := range m.needs {
		g.claims[k] |= required
	}
	for i := range m.writes {
		w := &m.writes[i]
		if w.deleted() {
			g.claims[w.Key] |= deleted
		} else {
			g.claims[w.Key] |= written
		}
	}
	return true
}

// answer ends members that have not been told how their Put went.
func (g *group) answer(err error) {
	for _, m := range g.members {
		m.plan <- err
	}
}

// look begins the transaction, checks what members require, locks what they
// replace, and learns the versions and whether anything refers to what they
// delete.
func (g *group) look(ctx context.Context) error {
	var known, replace, remove keyArrays
	var writes []*writing
	for _, m := range g.members {
		for i, k := range m.needs {
			known.add(m.needTypes[i], string(k.ID))
		}
		for i := range m.writes {
			w := &m.writes[i]
			g.tx.last++
			w.place = g.tx.last
			writes = append(writes, w)
			switch {
			case w.deleted():
				remove.add(w.typeNumber, string(w.Key.ID))
			case w.Expect != 0:
				replace.add(w.typeNumber, string(w.Key.ID))
			default:
				known.add(w.typeNumber, string(w.Key.ID))
			}
			for to := range w.targets() {
				known.add(to.t, to.id)
			}
		}
	}
	exists := map[rowKey]bool{}
	current := map[rowKey]sqldb.Current{}
	referred := map[rowKey][]rowKey{}
	held := map[string]string{}
	var b pgx.Batch
	b.Queue("BEGIN")
	g.hold(&b, held)
	b.Queue("SELECT pg_current_xact_id()::text::bigint").QueryRow(func(r pgx.Row) error { return r.Scan(&g.tx.id) })
	if known.sort() {
		each(b.Queue(`SELECT k.type::bigint, k.id, r.rid, r.deleted FROM unnest($1::integer[], $2::text[]) AS k (type, id)
			CROSS JOIN LATERAL (SELECT r.rid, r.deleted FROM resource r WHERE r.type = k.type AND r.id = k.id FOR KEY SHARE SKIP LOCKED) r`,
			known.types, known.ids), func(r pgx.Rows) error {
			var k rowKey
			var rid, deleted int64
			err := r.Scan(&k.t, &k.id, &rid, &deleted)
			g.tx.know(k, rid)
			exists[k] = deleted == 0
			return err
		})
	}
	lock := func(keys *keyArrays, mode string) {
		if !keys.sort() {
			return
		}
		each(b.Queue(`SELECT k.type::bigint, k.id, r.rid, r.version, r.deleted, r.seq, r.outline, r.idx, v.body FROM unnest($1::integer[], $2::text[]) AS k (type, id)
			CROSS JOIN LATERAL (SELECT r.* FROM resource r WHERE r.type = k.type AND r.id = k.id FOR `+mode+` SKIP LOCKED) r
			CROSS JOIN LATERAL (SELECT (SELECT v.body FROM version v WHERE v.seq = r.seq AND r.idx IS NULL) AS body) v`,
			keys.types, keys.ids), func(r pgx.Rows) error {
			var k rowKey
			var c sqldb.Current
			var deleted int64
			err := r.Scan(&k.t, &k.id, &c.RID, &c.Version, &deleted, &c.Seq, &c.Outline, &c.Copy, &c.Body)
			c.Deleted = deleted != 0
			current[k] = c
			return err
		})
	}
	lock(&replace, "NO KEY UPDATE")
	lock(&remove, "UPDATE")
	if old := replace.and(&remove); old.sort() {
		each(b.Queue(`SELECT t.type::bigint, t.id, t.rid FROM unnest($1::integer[], $2::text[]) AS k (type, id)
			CROSS JOIN LATERAL (SELECT t.type, t.id, t.rid FROM resource r JOIN reference f ON f.rid = r.rid
				JOIN resource t ON t.rid = f.target WHERE r.type = k.type AND r.id = k.id FOR KEY SHARE OF t SKIP LOCKED) t`,
			old.types, old.ids), func(r pgx.Rows) error {
			var k rowKey
			var rid int64
			err := r.Scan(&k.t, &k.id, &rid)
			g.tx.know(k, rid)
			return err
		})
	}
	if len(remove.ids) > 0 {
		each(b.Queue(`SELECT k.type::bigint, k.id, r.type::bigint, r.id FROM unnest($1::integer[], $2::text[]) AS k (type, id)
			CROSS JOIN LATERAL (SELECT DISTINCT r.type, r.id FROM reference f
				CROSS JOIN LATERAL (SELECT r.type, r.id FROM resource r WHERE r.rid = f.rid AND r.deleted = 0 OFFSET 0) r
				WHERE f.target = (SELECT t.rid FROM resource t WHERE t.type = k.type AND t.id = k.id) AND f.rid <> f.target LIMIT $3) r`,
			remove.types, remove.ids, maxPut+1), func(r pgx.Rows) error {
			var k, by rowKey
			err := r.Scan(&k.t, &k.id, &by.t, &by.id)
			referred[k] = append(referred[k], by)
			return err
		})
	}
	g.tx.begun = true
	if err := g.tx.conn.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	for _, w := range writes {
		w.seq = g.tx.id*perTransaction + g.store.base + w.place
		if w.Expect == 0 && !w.deleted() {
			w.created, w.rid = true, w.seq
			continue
		}
		c := current[rowKey{w.typeNumber, string(w.Key.ID)}]
		w.rid, w.version = c.RID, c.Version
		if err := g.store.replacing(ctx, pool{g.store.naming}, w, c); err != nil {
			return err
		}
	}
	for _, m := range g.members {
		m.look(exists, g.tx.rids, referred)
		m.holds(held)
	}
	return nil
}

// settle tells the members and waits until they have ended; those that failed
// are left out.
func (g *group) settle() {
	g.members = slices.DeleteFunc(g.members, func(m *member) bool {
		m.plan <- m.problem
		return m.problem != nil
	})
	g.members = slices.DeleteFunc(g.members, func(m *member) bool { return !<-m.ended })
}

// write sends all that the members write, and the commit.
func (g *group) write(ctx context.Context) error {
	var all []*writing
	var created []*writing
	var events [][]byte
	for _, m := range g.members {
		if m.event != nil {
			events = append(events, m.event)
		}
		for i := range m.writes {
			w := &m.writes[i]
			all = append(all, w)
			if w.created {
				created = append(created, w)
			}
		}
	}
	if len(all) == 0 {
		g.tx.rollback()
		return nil
	}
	if len(created) > 0 {
		slices.SortFunc(created, func(a, b *writing) int {
			if a.typeNumber != b.typeNumber {
				return int(a.typeNumber - b.typeNumber)
			}
			return strings.Compare(string(a.Key.ID), string(b.Key.ID))
		})
		g.tx.insertNew(created)
	}
	if err := g.tx.finish(ctx, all); err != nil {
		return err
	}
	g.tx.appendAudit(events)
	return g.tx.commit(ctx)
}

// refused says whether the server said no, so that nothing was committed.
// Without its word nobody knows.
func refused(err error) bool {
	return isRefusal(err) || errors.Is(err, errRolledBack) || errors.Is(err, errChanging)
}

// rowKey is a key as rows have it.
type rowKey struct {
	t  int64
	id string
}

// keyArrays are keys as two columns.
type keyArrays struct {
	types []int64
	ids   []string
}

func (k *keyArrays) add(t int64, id string) { k.types, k.ids = append(k.types, t), append(k.ids, id) }

// and has the keys of both.
func (k *keyArrays) and(o *keyArrays) *keyArrays {
	return &keyArrays{append(slices.Clone(k.types), o.types...), append(slices.Clone(k.ids), o.ids...)}
}

// sort puts the keys in order, each once, and says whether there are any.
func (k *keyArrays) sort() bool {
	keys := make([]rowKey, len(k.ids))
	for i := range keys {
		keys[i] = rowKey{k.types[i], k.ids[i]}
	}
	slices.SortFunc(keys, func(a, b rowKey) int {
		if a.t != b.t {
			return int(a.t - b.t)
		}
		return strings.Compare(a.id, b.id)
	})
	keys = slices.Compact(keys)
	k.types, k.ids = k.types[:0], k.ids[:0]
	for _, x := range keys {
		k.add(x.t, x.id)
	}
	return len(keys) > 0
}

// each calls f for every row of a queued query.
func each(q *pgx.QueuedQuery, f func(pgx.Rows) error) {
	q.Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := f(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
