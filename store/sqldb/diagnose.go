package sqldb

import (
	"context"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/watch/finding"
)

// DiagnoseSchema says whether a database has the schema of this program, whose migrations
// are numbered files of a folder.
func DiagnoseSchema(ctx context.Context, db DB, migrations fs.FS) finding.Finding {
	const check = "schema"
	has, known := int64(0), lastMigration(migrations)
	err := ForEach(ctx, db, "SELECT max(version_id) FROM goose_db_version WHERE is_applied", nil, func(r Rows) error { return r.Scan(&has) })
	if err != nil {
		return finding.Ill(check, "Is it a database of Ingle? If it is damaged, restore a backup (ingle restore).", "The version of the schema cannot be read: %v.", err)
	}
	switch {
	case has > known:
		return finding.Ill(check, "Use the newer program that wrote it.", "The database has schema version %d; this program knows up to %d.", has, known)
	case has < known:
		return finding.Doubt(check, "Take a backup before the next start of this program, which brings it up to date.", "The database has schema version %d; this program has %d.", has, known)
	}
	if err := CheckFormat(ctx, db); err != nil {
		return finding.Ill(check, "Use the program that wrote it.", "%v.", err)
	}
	return finding.Well(check, "The schema is that of this program, version %d.", known)
}

func lastMigration(migrations fs.FS) (last int64) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0
	}
	for _, file := range files {
		number, _, _ := strings.Cut(path.Base(file), "_")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			last = max(last, n)
		}
	}
	return last
}
