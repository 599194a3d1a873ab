package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Schemas lists the schemas of the database at url that hold a store, of those
// with the given name or that name, an underscore and more, sorted.
func Schemas(ctx context.Context, url, name string) (list []string, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it was only read
	rows, err := conn.Query(ctx, `SELECT n.nspname FROM pg_namespace n
		WHERE (n.nspname = $1 OR left(n.nspname, length($1) + 1) = $1 || '_')
			AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'version' AND c.relkind = 'r')
		ORDER BY n.nspname`, name)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Rename gives a schema of the database at url another name, which no schema has:
// fs.ErrExist. No store of it may be open.
func Rename(ctx context.Context, url, from, to string) error {
	return alone(ctx, url, "ALTER SCHEMA "+pgx.Identifier{from}.Sanitize()+" RENAME TO "+pgx.Identifier{to}.Sanitize())
}

// Drop removes a schema of the database at url, if it is there, with all that it holds.
func Drop(ctx context.Context, url, name string) error {
	return alone(ctx, url, "DROP SCHEMA IF EXISTS "+pgx.Identifier{name}.Sanitize()+" CASCADE")
}

// alone runs one statement on a connection of its own.
func alone(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // what was done stands
	_, err = conn.Exec(ctx, statement)
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok && failed.Code == duplicateSchema {
		return fmt.Errorf("postgres: %w: %w", fs.ErrExist, err)
	}
	return translate(err)
}
