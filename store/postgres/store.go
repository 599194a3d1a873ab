// Package postgres keeps the store contract in one schema of a PostgreSQL
// database. Several processes may use the same schema at once: all that they
// share is in the database.
//
// A version's number in the log (Seq) is made of its transaction's id. Since
// ids are given in order and the oldest running one is known in every
// snapshot, the change feed ends below that of this database, and what becomes visible later
// lies above whatever was handed out.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/pack"
	"github.com/inglehealth/ingle/store/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a store.Store in a schema.
type Store struct {
	schema string
	pool   *pgxpool.Pool
	// naming runs the short transactions that make names, apart from the pool
	// so that a transaction holding one connection never waits for another.
	naming *pgxpool.Pool
	// short has the connections of groups, lookups and short queries, which never
	// wait for anything long.
	short   *pgxpool.Pool
	joining chan *member
	looking chan *lookup
	asking  chan *asked
	epochs  epochs
	joints  joints
	lanes   sync.WaitGroup
	packer  *pack.Packer
	names   *sqldb.Names
	reader  *sqldb.Reader
	base    int64        // added to every Seq
	phrases atomic.Int64 // the last removal of phrases that is known
	commits atomic.Int64
	holdup  holdup

	gate    sqldb.Gate // an operation is inside while it runs
	closing sync.Once
}

var _ store.Store = (*Store)(nil)

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// Open opens the store in a schema of the database at url, making or migrating
// the schema as needed; several processes may do so at once. It fails when the
// schema was written by a newer version of the program. The caller closes the
// Store.
func Open(ctx context.Context, url, schema string) (*Store, error) {
	s, err := open(ctx, url, schema)
	if err != nil {
		return nil, fmt.Errorf("postgres: open schema %s: %w", schema, err)
	}
	return s, nil
}

func open(ctx context.Context, url, schema string) (s *Store, err error) {
	if !schemaName.MatchString(schema) {
		return nil, errors.New("a schema's name has lower-case letters, digits and underscores, at most 63")
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"search_path": schema, "application_name": "ingle", "timezone": "UTC",
		"jit": "off", "random_page_cost": "1.1", "default_transaction_isolation": "read committed",
		// The statements are written so that there is one good plan whatever the
		// values; planning anew would take longer than running.
		"plan_cache_mode": "force_generic_plan",
		// A process that stands still must not hold up the others' feed and locks.
		"idle_in_transaction_session_timeout": "60s",
	} {
		config.ConnConfig.RuntimeParams[name] = value
	}
	// Searches join few rows and never the same one twice. Before PostgreSQL 14
	// there is no such setting.
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SELECT set_config('enable_memoize', 'off', false) WHERE current_setting('enable_memoize', true) IS NOT NULL")
		return err
	}
	if err := migrate(ctx, config.ConnConfig, schema); err != nil {
		return nil, err
	}
	s = &Store{schema: schema, names: sqldb.NewNames(sqldb.PostgreSQL)}
	opened := s
	defer func() {
		if err != nil {
			opened.release()
		}
	}()
	if s.packer, err = pack.New(); err != nil {
		return nil, err
	}
	s.reader = &sqldb.Reader{Names: s.names, Dialect: sqldb.PostgreSQL, Unpack: s.packer.Unpack, UnpackAll: s.packer.UnpackAll}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	naming := config.Copy()
	naming.MaxConns, naming.MinConns = 2, 0
	// Whatever refers to a name is committed, and synced, after it.
	naming.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
	if s.naming, err = pgxpool.NewWithConfig(ctx, naming); err != nil {
		return nil, err
	}
	short := config.Copy()
	short.MaxConns, short.MinConns = int32(lanes+lookers+askers()), 0
	short.ConnConfig.RuntimeParams["lock_timeout"] = uniqueWaits
	s.names.Make = s.Number
	if s.short, err = pgxpool.NewWithConfig(ctx, short); err != nil {
		return nil, err
	}
	s.joining, s.looking, s.asking = make(chan *member, maxGroup), make(chan *lookup, maxLookup), make(chan *asked, maxBatch)
	for range lanes {
		s.lanes.Go(s.lane)
	}
	for range lookers {
		s.lanes.Go(s.look)
	}
	for range askers() {
		s.lanes.Go(s.answer)
	}
	if err := errors.Join(sqldb.CheckFormat(ctx, pool{s.pool}), s.names.Load(ctx, pool{s.pool})); err != nil {
		return nil, err
	}
	if err := errors.Join(s.loadBase(ctx), s.learnPhrases(ctx)); err != nil {
		return nil, err
	}
	return s, s.dropOldUploads(ctx)
}

// Seqs: a transaction's id times perTransaction, plus the version's place in
// the transaction, plus the schema's base.
const perTransaction = 1 << 20

// loadBase reads the base, raising it when the database was restored into a
// cluster whose transaction ids are behind.
func (s *Store) loadBase(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", s.lockKey("seq_base"))
		if err != nil {
			return err
		}
		var last, id int64
		err = tx.QueryRow(ctx, `SELECT coalesce((SELECT value FROM counter WHERE name = 'seq_base'), 0),
			greatest((SELECT max(seq) FROM version), (SELECT max(rid) FROM resource), 0), pg_current_xact_id()::text::bigint`).Scan(&s.base, &last, &id)
		if err != nil || last < id*perTransaction+s.base {
			return err
		}
		s.base += last - (id*perTransaction + s.base) + perTransaction
		_, err = tx.Exec(ctx, `INSERT INTO counter (name, value) VALUES ('seq_base', $1)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, s.base)
		return err
	})
}

// lockKey is the advisory lock of a name in this schema.
func (s *Store) lockKey(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(s.schema + "\x00" + name))
	return int64(h.Sum64())
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.gate.Shut()
		s.release()
	})
	return nil
}

func (s *Store) release() {
	if s.joining != nil {
		close(s.joining)
		close(s.looking)
		close(s.asking)
		s.lanes.Wait()
	}
	if s.short != nil {
		s.short.Close()
	}
	if s.naming != nil {
		s.naming.Close()
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if s.packer != nil {
		s.packer.Close()
	}
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	var readOnly bool
	if err := s.pool.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&readOnly); err != nil {
		return err
	}
	if readOnly {
		return errors.New("postgres: the server is a standby and cannot be written")
	}
	return nil
}

// pool runs each statement on its own.
type pool struct{ *pgxpool.Pool }

// Query implements sqldb.DB.
func (p pool) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	if err := tooLong(text); err != nil {
		return nil, err
	}
	return p.Pool.Query(ctx, text, args...) //nolint:sqlclosecheck // the caller closes them
}

// Exec implements sqldb.Execer.
func (p pool) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	tag, err := p.Pool.Exec(ctx, text, args...)
	return tag.RowsAffected(), err
}
