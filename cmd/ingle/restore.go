package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/archive"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

type restoreCommand struct {
	File  string `arg:"" type:"existingfile" help:"The backup."`
	Check bool   `help:"Read all of the backup and compare it with its hash; restore nothing."`

	Data     string `placeholder:"DIR" help:"Folder for the SQLite databases, which must hold none. Default: ./ingle-data"`
	Database string `placeholder:"URL" help:"PostgreSQL, for a backup of one: postgres://user@host/database, with no schema of a tenant that is in the backup."`
}

// Help is shown by `ingle restore --help`.
func (c *restoreCommand) Help() string {
	return `Examples:

  ingle restore ingle-20261126T071500Z.backup --check
      Is it whole?

  ingle restore ingle-20261126T071500Z.backup --data ./restored
  ingle restore ingle-20261126T071500Z.backup --database postgres://ingle@localhost/restored

Before anything is written all bytes are compared with their SHA-256; at the end the databases and the chain of the audit log are
read once more. If something is wrong, nothing stays. A backup of SQLite is restored to SQLite and one of PostgreSQL to PostgreSQL;
'ingle migrate' takes it from one to the other. Put the key file back from where you keep it.

Whoever was signed in signs in again, and users are asked again for their apps: what was ended after the backup was taken must not
be good once more. Consents that were withdrawn, users that were disabled and apps that were suspended since then are as they were;
look at that before you let people in.`
}

// Run restores all tenants of a backup.
func (c *restoreCommand) Run(ctx context.Context, m *Main) error {
	to := storeFlags{Data: c.Data, Database: c.Database}
	if err := to.exclusive(); err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	m.onClose(file.Close)
	began := time.Now()
	a, err := archive.Open(file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	defer a.Close()
	made := a.Manifest
	fmt.Fprintf(m.Stdout, "%s is whole: %s, taken at %s by Ingle %s\n", c.File, made.Database, made.Taken.Format(time.RFC3339), made.Program)
	if c.Check {
		return nil
	}
	switch {
	case made.Database == archive.PostgreSQL && to.Database == "":
		return usage("%s is of PostgreSQL: restore it with --database; ingle migrate brings it to SQLite then", c.File)
	case made.Database == archive.SQLite && to.Database != "":
		return usage("%s is of SQLite: restore it with --data; ingle migrate brings it to PostgreSQL then", c.File)
	}
	r := restoring{to: to}
	counts, err := r.run(ctx, a)
	if err != nil {
		return errors.Join(errRestored(err, to), r.undo(context.WithoutCancel(ctx)))
	}
	w := tabwriter.NewWriter(m.Stdout, 0, 0, 2, ' ', 0)
	for _, one := range counts {
		fmt.Fprintf(w, "%s\t%s resources\t%s audit events, their chain is whole\t%d sessions and %d grants ended\n",
			called(one.tenant), humanize.Comma(one.resources), humanize.Comma(one.events), one.sessions, one.grants)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "Restored to %s in %s. What was changed after %s is not in it: consents withdrawn, users disabled and apps suspended since.\n",
		to.place(), time.Since(began).Round(10*time.Millisecond), made.Taken.Format(time.RFC3339))
	return nil
}

// restorer makes a store of parts.
type restorer interface {
	Put(ctx context.Context, part store.Part) error
	End(ctx context.Context) error
	Undo(ctx context.Context) error
}

// restoring is one run.
type restoring struct {
	to      storeFlags
	begun   []string // tenants
	current restorer
	done    []restorer // whose End was called
}

// restored is what a tenant has.
type restored struct {
	tenant            string
	resources, events int64
	sessions, grants  int
}

func (r *restoring) run(ctx context.Context, a *archive.Reader) ([]restored, error) {
	err := a.Each(func(tenant string, p store.Part) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.tenant(ctx, a.Manifest, tenant); err != nil {
			return err
		}
		return r.current.Put(ctx, p)
	})
	if err == nil {
		err = r.endTenant(ctx)
	}
	if err == nil && !slices.Equal(r.begun, a.Manifest.Tenants) {
		err = fmt.Errorf("%w: it lacks a tenant", archive.ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	var all []restored
	for _, name := range r.begun {
		one, err := r.look(ctx, name, a.Manifest.Taken)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", called(name), err)
		}
		all = append(all, one)
	}
	return all, nil
}

// tenant goes on to a tenant, unless it is at it.
func (r *restoring) tenant(ctx context.Context, m archive.Manifest, name string) (err error) {
	if r.current != nil && r.begun[len(r.begun)-1] == name {
		return nil
	}
	if slices.Contains(r.begun, name) || !slices.Contains(m.Tenants, name) || name != "" && !tenancy.ValidName(name) {
		return fmt.Errorf("%w: tenant %q is where it does not belong", archive.ErrDamaged, name)
	}
	if err := r.endTenant(ctx); err != nil {
		return err
	}
	var next restorer
	if r.to.Database != "" {
		next, err = postgres.Restore(ctx, r.to.Database, schemaOf(name))
	} else {
		next, err = sqlite.Restore(r.to.folderOf(name))
	}
	if err != nil {
		return err
	}
	r.current, r.begun = next, append(r.begun, name)
	return nil
}

func (r *restoring) endTenant(ctx context.Context) error {
	if r.current == nil {
		return nil
	}
	if err := r.current.End(ctx); err != nil {
		return err
	}
	r.done, r.current = append(r.done, r.current), nil
	return nil
}

// look reads what was restored once more, ends what may have been ended since, and
// records that it was restored.
func (r *restoring) look(ctx context.Context, name string, taken time.Time) (one restored, err error) {
	one.tenant = name
	s, err := r.to.openStore(ctx, name)
	if err != nil {
		return one, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	counts, err := s.Stats(ctx)
	if err != nil {
		return one, err
	}
	for _, n := range counts {
		one.resources += n
	}
	var wrong []string
	report, err := audit.Verify(ctx, s, audit.Verification{Found: func(problem string) { wrong = append(wrong, problem) }})
	if err != nil {
		return one, err
	}
	if report.Problems > 0 {
		return one, fmt.Errorf("the audit log is not as it was written: %s", strings.Join(wrong, "; "))
	}
	one.events = report.Events
	if one.sessions, one.grants, err = identity.Restored(ctx, s, time.Now()); err != nil {
		return one, err
	}
	return one, audit.Append(ctx, s, commandEvent(audit.Import, "restore of a backup that was taken at "+taken.Format(time.RFC3339), nil, nil))
}

// undo removes all that was restored.
func (r *restoring) undo(ctx context.Context) error {
	var errs []error
	if r.current != nil {
		errs = append(errs, r.current.Undo(ctx))
	}
	for _, one := range r.done {
		errs = append(errs, one.Undo(ctx))
	}
	return errors.Join(errs...)
}

// errRestored is why nothing can be restored to a place.
func errRestored(err error, f storeFlags) error {
	if errors.Is(err, fs.ErrExist) {
		return usage("there are records in %s already: a backup is restored to an empty place", f.place())
	}
	return err
}
