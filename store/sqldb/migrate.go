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
