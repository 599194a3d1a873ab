package sqldb

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Migrate runs the migrations of a folder that the database lacks: one that has none
// gets all of them at once. A database with more than this program knows is refused:
// an old program must not write a newer schema. The caller closes db.
func Migrate(ctx context.Context, dialect goose.Dialect, db *stdsql.DB, files fs.FS) error {
	p, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	known := sources[len(sources)-1].Version
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	switch {
	case has > known:
		return fmt.Errorf("the database has schema version %d, this program knows up to %d: use the newer program that wrote it", has, known)
	case has == known:
		return nil
	case has == 0:
		return begin(ctx, dialect, db, files, sources)
	}
	_, err = p.Up(ctx)
	return err
}

// begin runs all migrations in one transaction, each as one text, which the database
// takes without a round trip, and a commit, for each of its statements.
func begin(ctx context.Context, dialect goose.Dialect, db *stdsql.DB, files fs.FS, sources []*goose.Source) (err error) {
	versions, err := database.NewStore(dialect, goose.DefaultTablename)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, s := range sources {
		text, err := fs.ReadFile(files, s.Path)
		if err == nil {
			_, err = tx.ExecContext(ctx, string(text))
		}
		if err == nil {
			err = versions.Insert(ctx, tx, database.InsertRequest{Version: s.Version})
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s.Path, err), tx.Rollback())
		}
	}
	return tx.Commit()
}

// format numbers how rows are to be read, where migrations do not tell. It stands in
// the table counter; before there was such a row, it was 1.
const format = 2

// CheckFormat refuses a database whose rows are of another format than this
// program's.
func CheckFormat(ctx context.Context, db DB) error {
	has := int64(1)
	err := ForEach(ctx, db, "SELECT value FROM counter WHERE name = 'format'", nil, func(r Rows) error { return r.Scan(&has) })
	if err == nil && has != format {
		err = fmt.Errorf("the database has format %d, this program reads and writes format %d: use the program that wrote it, or load its resources into a new database", has, format)
	}
	return err
}
