package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/archive"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

type backupCommand struct {
	To string `required:"" placeholder:"FILE|DIR|-" help:"The file to write, which must not be there; a folder, for a file named by the time; or '-' for standard output."`

	storeFlags
}

// Help is shown by `ingle backup --help`.
func (c *backupCommand) Help() string {
	return `Examples:

  ingle backup --data ./records --to /backups
      /backups/ingle-20261126T071500Z.backup, of every tenant. The server may go on working.

  ingle backup --database postgres://ingle@localhost/ingle --to - | age -r age1... > ingle.backup.age
      Encrypted on its way.

  ingle restore /backups/ingle-20261126T071500Z.backup --data ./restored
      And back: it is checked to the last byte first.

Everything is in it that the records remember: all versions, the content of Binaries, users, apps, consents, jobs, and the audit log
with its chain, as they were at one moment. What is not: the key file (--key-file of serve), which belongs elsewhere, since
with it the secrets in a backup can be read; without it users' second factors and signing keys are lost.

'ingle serve --backup-to DIR --backup-every 24h' takes backups by itself.`
}

// Run takes a backup of all tenants, or of those that were named.
func (c *backupCommand) Run(ctx context.Context, m *Main) error {
	if err := c.exclusive(); err != nil {
		return err
	}
	names, err := c.backedUp(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if c.To == "-" {
		if err := c.write(ctx, m.Stdout, names, began, nil); err != nil {
			return err
		}
		c.note(ctx, m, names, records.Backup{Taken: began, To: "standard output"})
		return nil
	}
	show := newMeter(m.Stderr, true)
	file, size, err := c.backup(ctx, c.To, names, began, func(written int64) {
		show.progress(written, 0, humanize.IBytes(uint64(max(written, 0))), "")
	})
	show.close()
	if err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "%s: %s, as of %s, in %s\n", file, humanize.IBytes(uint64(max(size, 0))), began.UTC().Format(time.RFC3339), time.Since(began).Round(10*time.Millisecond))
	c.note(ctx, m, names, records.Backup{Taken: began, Bytes: size, To: filepath.Base(file)})
	return nil
}

// backedUp are the tenants to take a backup of.
func (f storeFlags) backedUp(ctx context.Context) ([]string, error) {
	there, err := f.tenants(ctx)
	if err != nil {
		return nil, err
	}
	if len(there) == 0 {
		return nil, usage("there are no records in %s", f.place())
	}
	if len(f.Tenant) == 0 {
		return there, nil
	}
	for _, name := range f.Tenant {
		if !slices.Contains(there, name) {
			return nil, usage("there are no records of tenant %s in %s", name, f.place())
		}
	}
	return f.Tenant, nil
}

// backupSuffix ends the names of backups that are named by their time.
const backupSuffix = ".backup"

// backup writes a backup to a file, which to is or which it makes in the folder to,
// and returns its name and size. The file is there only when all of it is, durably.
func (f storeFlags) backup(ctx context.Context, to string, names []string, taken time.Time, progress func(int64)) (name string, size int64, err error) {
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		to = filepath.Join(to, "ingle-"+taken.UTC().Format("20060102T150405Z")+backupSuffix)
	}
	if _, err := os.Lstat(to); err == nil {
		return "", 0, usage("--to %s is there already", to)
	}
	file, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+"-*") // readable to its owner only
	if err != nil {
		return "", 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	err = f.write(ctx, file, names, taken, progress)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		size, err = file.Seek(0, io.SeekCurrent)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return "", 0, err
	}
	// Unlike a rename, a link never replaces what came meanwhile.
	if err := os.Link(file.Name(), to); err != nil {
		return "", 0, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return "", 0, err
	}
	return to, size, syncFolder(filepath.Dir(to))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// write writes a backup. progress may be nil.
func (f storeFlags) write(ctx context.Context, out io.Writer, names []string, taken time.Time, progress func(int64)) error {
	manifest := archive.Manifest{Program: version(), Taken: taken.UTC(), Database: archive.SQLite, Tenants: names}
	if f.Database != "" {
		manifest.Database = archive.PostgreSQL
	}
	w, err := archive.NewWriter(out, manifest)
	if err != nil {
		return err
	}
	for _, name := range names {
		put := w.Tenant(name)
		err := f.parts(ctx, name, func(p store.Part) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := put(p)
			if progress != nil {
				progress(w.Size())
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", called(name), err)
		}
	}
	return w.Close()
}

// parts puts the parts of one tenant.
func (f storeFlags) parts(ctx context.Context, name string, put func(store.Part) error) (err error) {
	if f.Database == "" {
		return sqlite.Backup(ctx, f.folderOf(name), put)
	}
	s, err := postgres.Open(ctx, f.Database, schemaOf(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Backup(ctx, put)
}

// backupNote has a server note a backup that was taken beside it.
type backupNote struct{ records.Backup }

func (c *backupNote) keep(ctx context.Context, s *records.Session, _ io.Writer) error {
	return s.NoteBackup(ctx, c.Backup)
}

// note keeps for every tenant that a backup was taken, and records it.
func (c *backupCommand) note(ctx context.Context, m *Main, names []string, b records.Backup) {
	for _, name := range names {
		if err := c.noteOne(ctx, name, b); err != nil {
			fmt.Fprintf(m.Stderr, "The backup is good, but the audit log of the %s does not tell of it: %v\n", called(name), err)
		}
	}
}

func (c *backupCommand) noteOne(ctx context.Context, name string, b records.Backup) (err error) {
	if c.Database == "" {
		flags, err := json.Marshal(backupNote{b})
		if err != nil {
			return err
		}
		sent, err := sendOrder(ctx, c.folder(), order{Tenant: name, Command: "backup", Flags: flags}, io.Discard)
		if sent {
			return err
		}
	}
	s, err := c.openStore(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return noteBackup(ctx, s, b)
}

func noteBackup(ctx context.Context, s store.Store, b records.Backup) error {
	if err := records.NoteBackup(ctx, s, b); err != nil {
		return err
	}
	return audit.Append(ctx, s, commandEvent(audit.Export, "backup to "+b.To, nil, nil))
}
