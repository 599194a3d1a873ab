package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/inglehealth/ingle/store"
)

// backupPiece is the size of a part of a table's rows.
const backupPiece = 8 << 20

// schemaPart is the first part of a backup: what the rest is to be read by.
const schemaPart = "schema.json"

// backupSchema is what the first part holds.
type backupSchema struct {
	Migration int64               `json:"migration"` // that the schema had
	Columns   map[string][]string `json:"columns"`   // of each table, in the order of its rows
	Sequences map[string]int64    `json:"sequences"` // the last number that a column gave out, by table
}

// Backup implements store.Backups. The parts are all tables of the schema, in the
// binary form of COPY, as one snapshot shows them, which holds up neither writers nor
// the change feed.
func (s *Store) Backup(ctx context.Context, put func(store.Part) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return translate(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it was only read
	// A slow taker of parts is no idle transaction.
	if _, err := conn.Exec(ctx, "SET idle_in_transaction_session_timeout = 0"); err != nil {
		return translate(err)
	}
	return translate(pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return s.backup(ctx, tx, put)
	}))
}

func (s *Store) backup(ctx context.Context, tx pgx.Tx, put func(store.Part) error) error {
	schema, err := describe(ctx, tx, s.schema)
	if err != nil {
		return err
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	if err := put(store.Part{Name: schemaPart, Size: int64(len(text)), Content: bytes.NewReader(text)}); err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(schema.Columns)) {
		p := pieces{table: table, put: put}
		_, err := tx.Conn().PgConn().CopyTo(ctx, &p, "COPY "+schema.table(table)+" TO STDOUT (FORMAT binary)")
		if err == nil {
			err = p.flush()
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	return nil
}

// describe reads what the tables of a schema are.
func describe(ctx context.Context, tx pgx.Tx, name string) (*backupSchema, error) {
	schema := &backupSchema{Columns: map[string][]string{}, Sequences: map[string]int64{}}
	err := tx.QueryRow(ctx, "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&schema.Migration)
	if err != nil {
		return nil, err
	}
	var table, column string
	var identity bool
	numbered := map[string]string{}
	rows, err := tx.Query(ctx, `SELECT c.relname, a.attname, a.attidentity <> '' FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND c.relname <> 'goose_db_version'
			AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY c.relname, a.attnum`, pgx.Identifier{name}.Sanitize())
	if err != nil {
		return nil, err
	}
	_, err = pgx.ForEachRow(rows, []any{&table, &column, &identity}, func() error {
		schema.Columns[table] = append(schema.Columns[table], column)
		if identity {
			numbered[table] = column
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for table, column := range numbered {
		var last int64
		// A sequence is outside the snapshot, and so never behind it.
		err := tx.QueryRow(ctx, "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence($1, $2)::regclass), 0)",
			pgx.Identifier{name, table}.Sanitize(), column).Scan(&last)
		if err != nil {
			return nil, err
		}
		schema.Sequences[table] = last
	}
	return schema, nil
}

// table names a table and its columns.
func (b *backupSchema) table(name string) string {
	columns := make([]string, len(b.Columns[name]))
	for i, c := range b.Columns[name] {
		columns[i] = pgx.Identifier{c}.Sanitize()
	}
	return pgx.Identifier{name}.Sanitize() + " (" + strings.Join(columns, ", ") + ")"
}

// pieces puts what is written to it in parts of one size.
type pieces struct {
	table string
	put   func(store.Part) error
	buf   []byte
	n     int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.buf = append(p.buf, b...)
	if len(p.buf) < backupPiece {
		return len(b), nil
	}
	return len(b), p.flush()
}

func (p *pieces) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	p.n++
	part := store.Part{Name: fmt.Sprintf("%s/%06d", p.table, p.n), Size: int64(len(p.buf)), Content: bytes.NewReader(p.buf)}
	err := p.put(part)
	p.buf = p.buf[:0]
	return err
}

// A Restoring makes a schema of the parts of a backup.
type Restoring struct {
	config *pgx.ConnConfig
	name   string
	conn   *pgx.Conn
	schema *backupSchema
	made   bool // the schema, by this

	table string // whose rows are being copied
	pipe  *io.PipeWriter
	ended chan error // of the copying
}

// Restore begins to make a store in a schema of the database at url, which must not
// exist, or be empty. The caller puts all parts, calls End, and opens the store.
func Restore(ctx context.Context, url, schema string) (*Restoring, error) {
	if !schemaName.MatchString(schema) {
		return nil, errors.New("postgres: a schema's name has lower-case letters, digits and underscores, at most 63")
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"], config.RuntimeParams["timezone"] = schema, "UTC"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	r := &Restoring{config: config, name: schema, conn: conn}
	var tables int
	err = conn.QueryRow(ctx, "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace($1)", pgx.Identifier{schema}.Sanitize()).Scan(&tables)
	if err == nil && tables > 0 {
		err = fmt.Errorf("postgres: restore to schema %s: %w", schema, fs.ErrExist)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return r, nil
}

// Put takes a part; they come in the order of the backup.
func (r *Restoring) Put(ctx context.Context, part store.Part) error {
	if r.schema == nil {
		return r.begin(ctx, part)
	}
	table, _, ok := strings.Cut(part.Name, "/")
	if !ok || r.schema.Columns[table] == nil {
		return fmt.Errorf("postgres: restore: %q is no part of a store", part.Name)
	}
	if table != r.table {
		if err := r.endTable(); err != nil {
			return err
		}
		r.copyTable(ctx, table)
	}
	n, err := io.Copy(r.pipe, part.Content)
	if err == nil && n != part.Size {
		err = fmt.Errorf("postgres: restore: %s has %d bytes instead of %d", part.Name, n, part.Size)
	}
	return err
}

// begin makes the tables as they were.
func (r *Restoring) begin(ctx context.Context, part store.Part) error {
	if part.Name != schemaPart {
		return fmt.Errorf("postgres: restore: the first part is %q instead of %s", part.Name, schemaPart)
	}
	schema := new(backupSchema)
	if err := json.NewDecoder(part.Content).Decode(schema); err != nil {
		return fmt.Errorf("postgres: restore: %s: %w", schemaPart, err)
	}
	if err := r.makeSchema(ctx); err != nil {
		return translate(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*r.config)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err == nil {
		if sources := provider.ListSources(); sources[len(sources)-1].Version < schema.Migration {
			err = fmt.Errorf("postgres: restore: the backup has schema version %d, this program knows up to %d: use the newer program that made it", schema.Migration, sources[len(sources)-1].Version)
		}
	}
	if err == nil {
		_, err = provider.UpTo(ctx, schema.Migration)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	r.schema = schema
	_, err = r.conn.Exec(ctx, "TRUNCATE "+r.tables(maps.Keys(schema.Columns)))
	return translate(err)
}

// makeSchema makes the schema, unless somebody who may has made it.
func (r *Restoring) makeSchema(ctx context.Context) error {
	name := pgx.Identifier{r.name}.Sanitize()
	var exists bool
	if err := r.conn.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", name).Scan(&exists); err != nil || exists {
		return err
	}
	r.made = true
	_, err := r.conn.Exec(ctx, "CREATE SCHEMA "+name)
	return err
}

// tables lists tables of the schema for a statement.
func (r *Restoring) tables(names iter.Seq[string]) string {
	var list []string
	for _, name := range slices.Sorted(names) {
		list = append(list, pgx.Identifier{r.name, name}.Sanitize())
	}
	return strings.Join(list, ", ")
}

func (r *Restoring) copyTable(ctx context.Context, table string) {
	reader, writer := io.Pipe()
	r.table, r.pipe, r.ended = table, writer, make(chan error, 1)
	go func() {
		_, err := r.conn.PgConn().CopyFrom(ctx, reader, "COPY "+r.schema.table(table)+" FROM STDIN (FORMAT binary)")
		_ = reader.CloseWithError(err) // it never fails
		r.ended <- err
	}()
}

// endTable waits until the rows of the last table are there.
func (r *Restoring) endTable() error {
	if r.pipe == nil {
		return nil
	}
	err := r.pipe.Close()
	if failed := <-r.ended; failed != nil {
		err = fmt.Errorf("table %s: %w", r.table, failed)
	}
	r.pipe = nil
	return translate(err)
}

// End sets what numbers the next rows, and closes the connection.
func (r *Restoring) End(ctx context.Context) error {
	if r.schema == nil {
		return fmt.Errorf("postgres: restore: %s is missing", schemaPart)
	}
	if err := r.endTable(); err != nil {
		return err
	}
	for table, last := range r.schema.Sequences {
		if last == 0 {
			continue
		}
		name := pgx.Identifier{r.name, table}.Sanitize()
		_, err := r.conn.Exec(ctx, `SELECT setval(pg_get_serial_sequence($1, a.attname), $2) FROM pg_attribute a
			WHERE a.attrelid = $1::regclass AND a.attidentity <> ''`, name, last)
		if err != nil {
			return translate(err)
		}
	}
	if _, err := r.conn.Exec(ctx, "ANALYZE "+r.tables(maps.Keys(r.schema.Columns))); err != nil {
		return translate(err)
	}
	return r.conn.Close(ctx)
}

// Undo removes what was made.
func (r *Restoring) Undo(ctx context.Context) error {
	if r.pipe != nil {
		if err := r.pipe.CloseWithError(errors.New("the restore was given up")); err != nil {
			return err
		}
		if failed := <-r.ended; failed == nil {
			return errors.New("postgres: a table that was given up was copied whole")
		}
	}
	if r.conn.IsClosed() { // by End, or since the database was away
		conn, err := pgx.ConnectConfig(ctx, r.config)
		if err != nil {
			return translate(err)
		}
		r.conn = conn
	}
	err := r.drop(ctx)
	return errors.Join(err, r.conn.Close(ctx))
}

func (r *Restoring) drop(ctx context.Context) error {
	if r.made {
		_, err := r.conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{r.name}.Sanitize()+" CASCADE")
		return err
	}
	rows, err := r.conn.Query(ctx, "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r'", pgx.Identifier{r.name}.Sanitize())
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) == 0 {
		return err
	}
	_, err = r.conn.Exec(ctx, "DROP TABLE "+r.tables(slices.Values(names)))
	return err
}
