package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inglehealth/ingle/store"
)

// Transactions that hold a setting share an advisory lock; who changes the
// setting takes it alone. The value is read by a statement after the one that
// locks, whose view of the database may be from before the change.

// notHeld is SQLSTATE invalid_argument_for_logarithm: how the check of Hold
// fails.
const notHeld = "2201E"

func isNotHeld(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == notHeld
}

func (s *Store) holdKey(name string) int64 { return s.lockKey("setting\x00" + name) }

// Hold implements store.Tx. The check goes with the next statements.
func (t *tx) Hold(_ context.Context, s store.Setting) error {
	t.enqueue("SELECT pg_advisory_xact_lock_shared($1)", t.store.holdKey(s.Name))
	t.enqueue("SELECT ln((SELECT count(*) FROM setting WHERE name = $1 AND value = $2))", s.Name, s.Value)
	return nil
}

// awaitHolders queues the lock of who changes a setting.
func (t *tx) awaitHolders(name string) {
	t.enqueue("SELECT pg_advisory_xact_lock($1)", t.store.holdKey(name))
}

// Hold implements store.Tx. The group holds it with the Put.
func (m *member) Hold(_ context.Context, s store.Setting) error {
	m.held = &s
	return nil
}

// hold queues what holds the settings of a group's members. A lock for which it
// would wait leaves the setting out of values.
func (g *group) hold(b *pgx.Batch, values map[string]string) {
	locked := map[string]bool{}
	for _, m := range g.members {
		if m.held == nil {
			continue
		}
		name := m.held.Name
		if _, ok := locked[name]; ok {
			continue
		}
		locked[name] = false
		b.Queue("SELECT pg_try_advisory_xact_lock_shared($1)", g.store.holdKey(name)).QueryRow(func(r pgx.Row) error {
			var got bool
			err := r.Scan(&got)
			locked[name] = got
			return err
		})
		each(b.Queue("SELECT value FROM setting WHERE name = $1", name), func(r pgx.Rows) error {
			var value []byte
			err := r.Scan(&value)
			if locked[name] {
				values[name] = string(value)
			}
			return err
		})
	}
}

// holds looks whether the member's setting is held. One that has changed may
// be so by a transaction that the group did not wait for.
func (m *member) holds(values map[string]string) {
	if m.held == nil {
		return
	}
	if value, ok := values[m.held.Name]; !ok || value != string(m.held.Value) {
		m.problem = errAlone
	}
}
