package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/store/sqldb"
	"github.com/inglehealth/ingle/watch/finding"
)

// Diagnose looks at a database and a schema in it without changing anything.
func Diagnose(ctx context.Context, url, schema string) []finding.Finding {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return []finding.Finding{finding.Ill("database", "It looks like postgres://ingle@localhost/ingle.", "The URL of the database cannot be read.")}
	}
	config.ConnectTimeout = 5 * time.Second
	config.RuntimeParams["search_path"] = schema
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return []finding.Finding{finding.Ill("database", "Is PostgreSQL running, the URL right, and the role let in by pg_hba.conf?", "The database cannot be reached: %v.", err)}
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it was only read
	d := diagnosis{ctx: ctx, db: single{conn}, schema: schema}
	d.version()
	d.settings()
	d.connections()
	d.transactions()
	d.tables()
	return d.found
}

// single is one connection.
type single struct{ *pgx.Conn }

// Query implements sqldb.DB.
func (s single) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	return s.Conn.Query(ctx, text, args...) //nolint:sqlclosecheck // the caller closes them
}

type diagnosis struct {
	ctx    context.Context
	db     single
	schema string
	found  []finding.Finding
}

func (d *diagnosis) add(f finding.Finding) { d.found = append(d.found, f) }

// ask reads one row, and notes when that fails.
func (d *diagnosis) ask(check, text string, args []any, into ...any) bool {
	if err := d.db.QueryRow(d.ctx, text, args...).Scan(into...); err != nil {
		d.add(finding.Ill(check, "Look into the log of PostgreSQL.", "It cannot be asked: %v.", err))
		return false
	}
	return true
}

// oldest is the oldest major version that is supported.
const oldest = 15

func (d *diagnosis) version() {
	var number int
	var version, encoding string
	var standby bool
	if !d.ask("database", "SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('server_encoding'), pg_is_in_recovery()", nil, &number, &version, &encoding, &standby) {
		return
	}
	switch {
	case standby:
		d.add(finding.Ill("database", "Name the primary in the URL of the database.", "PostgreSQL %s answers, but is a standby and cannot be written.", version))
	case number < oldest*10_000:
		d.add(finding.Ill("database", fmt.Sprintf("Bring PostgreSQL to %d or later.", oldest), "PostgreSQL %s is older than what is supported.", version))
	case encoding != "UTF8":
		d.add(finding.Ill("database", "Make a database with ENCODING 'UTF8', and move the records with ingle migrate.", "The database keeps texts in %s, not in UTF-8.", encoding))
	default:
		d.add(finding.Well("database", "PostgreSQL %s answers and can be written.", version))
	}
}

func (d *diagnosis) settings() {
	var fsync, pages, commit, vacuum string
	var failures int64
	if !d.ask("database settings", `SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), current_setting('autovacuum'),
		coalesce((SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()), 0)`, nil, &fsync, &pages, &commit, &vacuum, &failures) {
		return
	}
	const check = "database settings"
	well := len(d.found)
	if fsync == "off" {
		d.add(finding.Ill(check, "Set fsync = on.", "fsync is off: a crash of the machine loses what was acknowledged, or all."))
	}
	if pages == "off" {
		d.add(finding.Ill(check, "Set full_page_writes = on, unless the file system never writes half a page.", "full_page_writes is off: a crash of the machine may damage the database."))
	}
	if commit == "off" {
		d.add(finding.Ill(check, "Set synchronous_commit = on for the role, the database and the URL.", "synchronous_commit is off: a crash loses the last moments of what was acknowledged."))
	}
	if vacuum == "off" {
		d.add(finding.Doubt(check, "Set autovacuum = on.", "autovacuum is off: the database grows, and gets slow."))
	}
	if failures > 0 {
		d.add(finding.Ill(check, "Look whether the disk fails, and restore a backup.", "%d pages of the database were damaged when they were read.", failures))
	}
	if len(d.found) == well {
		d.add(finding.Well(check, "What is acknowledged survives a crash: fsync, full_page_writes and synchronous_commit are %s, %s and %s.", fsync, pages, commit))
	}
}

func (d *diagnosis) connections() {
	var most, reserved, used int
	if !d.ask("database connections", "SELECT current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')", nil, &most, &reserved, &used) {
		return
	}
	if left := most - reserved - used; left < 10 {
		d.add(finding.Doubt("database connections", "Raise max_connections, or lower pool_max_conns in the URL: each process takes up to that and 4 more, for each tenant.", "%d of %d connections are in use.", used, most))
		return
	}
	d.add(finding.Well("database connections", "%d of %d are in use.", used, most))
}

// longTransaction is how long a transaction may be open without anybody being told.
const longTransaction = time.Minute

func (d *diagnosis) transactions() {
	var seconds float64
	var who string
	if !d.ask("change feed", `SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::float8,
		coalesce((SELECT coalesce(usename, '') || ' ' || application_name || ' (pid ' || pid || ')' FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND datname = current_database() ORDER BY xact_start LIMIT 1), '')
		FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND datname = current_database()`, nil, &seconds, &who) {
		return
	}
	if held := time.Duration(seconds * float64(time.Second)); held > longTransaction {
		d.add(finding.Doubt("change feed", "End that transaction: SELECT pg_terminate_backend(pid). Set idle_in_transaction_session_timeout.",
			"A transaction has been open for %s: %s. Until it ends, subscriptions and exports see nothing newer.", held.Round(time.Second), strings.TrimSpace(who)))
		return
	}
	d.add(finding.Well("change feed", "No transaction holds it up."))
}

func (d *diagnosis) tables() {
	var there bool
	if !d.ask("schema", "SELECT to_regclass($1) IS NOT NULL", []any{pgx.Identifier{d.schema, "version"}.Sanitize()}, &there) {
		return
	}
	if !there {
		d.add(finding.Ill("schema", "Start the server once, which makes it, or name another database.", "There are no records in schema %s of this database.", d.schema))
		return
	}
	schema := sqldb.DiagnoseSchema(d.ctx, d.db, migrations)
	if d.add(schema); schema.State == finding.Fail {
		return
	}
	var broken string
	if !d.ask("integrity", `SELECT coalesce(string_agg(i.indexrelid::regclass::text, ', '), '') FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND NOT (i.indisvalid AND i.indisready)`, []any{d.schema}, &broken) {
		return
	}
	if broken != "" {
		d.add(finding.Ill("integrity", "REINDEX INDEX CONCURRENTLY each of them.", "Indexes of the database are not valid: %s.", broken))
		return
	}
	d.add(finding.Well("integrity", "All indexes of the database are valid."))
}
