package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
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
