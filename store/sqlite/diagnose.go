package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/inglehealth/ingle/store/sqldb"
	"github.com/inglehealth/ingle/watch/finding"
)

// Diagnose looks at the databases in dir without changing them, whether or not a process
// has them. How much of them it reads ends with ctx.
func Diagnose(ctx context.Context, dir string) []finding.Finding {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return []finding.Finding{finding.Ill("folder", "Name the folder by its whole path.", "%v.", err)}
	}
	if !Exists(dir) {
		return []finding.Finding{finding.Ill("database", "Start the server once, which makes it, or say where it is with --data.", "There is no database in %s.", dir)}
	}
	all := []finding.Finding{access(dir)}
	path := filepath.Join(dir, fileName)
	c, err := connect(path, "query_only = 1", "busy_timeout = 5000")
	if err != nil {
		return append(all, finding.Ill("database", "If it is damaged, restore a backup (ingle restore).", "%s cannot be opened: %v.", path, err))
	}
	defer func() { _ = c.close() }() // it was only read
	schema := sqldb.DiagnoseSchema(ctx, quiet{c}, migrations)
	if all = append(all, schema); schema.State == finding.Fail {
		return all
	}
	all = append(all, integrity(ctx, c, "integrity", path))
	if a, err := OpenAudit(dir); err == nil {
		all = append(all, wholeAudit(ctx, a))
		_ = a.Close() // it was only read
	}
	return all
}

func access(dir string) finding.Finding {
	info, err := os.Stat(dir)
	if err != nil {
		return finding.Ill("folder", "Have the account of the server own it.", "%v.", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return finding.Doubt("folder", "chmod 700 "+dir, "Others than its owner may enter %s (mode %04o), where the records are.", dir, info.Mode().Perm())
	}
	return finding.Well("folder", "%s is its owner's alone.", dir)
}

func wholeAudit(ctx context.Context, a *AuditFile) (f finding.Finding) {
	err := a.read(func(c *conn) error {
		f = integrity(ctx, c, "audit integrity", a.path)
		return nil
	})
	if err != nil {
		return finding.Ill("audit integrity", "Restore a backup (ingle restore), and keep the damaged file.", "%s cannot be read: %v.", a.path, err)
	}
	return f
}

// integrity has SQLite look at the pages of a database, as far as the time reaches.
func integrity(ctx context.Context, c *conn, check, path string) finding.Finding {
	var problems []string
	err := sqldb.ForEach(ctx, quiet{c}, "PRAGMA quick_check(5)", nil, func(r sqldb.Rows) error {
		var text string
		err := r.Scan(&text)
		if text != "ok" {
			problems = append(problems, text)
		}
		return err
	})
	switch {
	case ctx.Err() != nil:
		return finding.Doubt(check, fmt.Sprintf("Let it finish when there is time: sqlite3 %s 'PRAGMA quick_check'", path), "%s is large: not all of it was looked at in time. Nothing wrong was found so far.", path)
	case err != nil:
		problems = append(problems, err.Error())
	}
	if len(problems) > 0 {
		return finding.Ill(check, "Stop the server, keep a copy of the folder, and restore a backup (ingle restore). Look whether the disk fails.", "%s is damaged: %s.", path, strings.Join(problems, "; "))
	}
	return finding.Well(check, "The pages of %s are as SQLite wrote them.", path)
}

// InUse says whether a process has the databases in dir.
func InUse(dir string) bool {
	lock, err := lockDirectory(dir)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	_ = lock.Close() // which gives the lock back
	return false
}
