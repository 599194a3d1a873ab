package sqldb

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
)

// Migrate runs the migrations that the database lacks. A database with more
// than this program knows is refused: an old program must not write a newer
// schema.
func Migrate(ctx context.Context, p *goose.Provider) error {
	sources := p.ListSources()
	known := sources[len(sources)-1].Version
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if has > known {
		return fmt.Errorf("the database has schema version %d, this program knows up to %d: use the newer program that wrote it", has, known)
	}
	if has == known {
		return nil
	}
	_, err = p.Up(ctx)
	return err
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
