package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"

	"github.com/pressly/goose/v3"

	"github.com/inglehealth/ingle/store/sqldb"
)

// migrate brings the database file to this program's schema, which is in a folder
// of files.
func migrate(ctx context.Context, path string, all fs.FS, folder string) error {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=busy_timeout(10000)"}).String())
	if err != nil {
		return err
	}
	files, err := fs.Sub(all, folder)
	if err != nil {
		return err
	}
	return errors.Join(sqldb.Migrate(ctx, goose.DialectSQLite3, db, files), db.Close())
}
