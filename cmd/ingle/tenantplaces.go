package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// tenantPlaces makes and removes the stores of tenants while a server runs. What is being made
// or removed lies beside the tenants, as a draft, and becomes a tenant, or stops being
// one, by one change of a name.
type tenantPlaces struct {
	storeFlags
	furnishing
	files func(tenant string) bulkjob.Files // of bulk exports
}

var _ tenancy.Places = (*tenantPlaces)(nil)

// There implements tenancy.Places.
func (p *tenantPlaces) There(ctx context.Context, name string) (bool, error) {
	all, err := p.tenants(ctx)
	return slices.Contains(all, name), err
}

// Make implements tenancy.Places.
func (p *tenantPlaces) Make(ctx context.Context, t tenancy.Tenant, hold func(context.Context, int64) error) (err error) {
	if err := p.discard(ctx, t.Name); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.discard(context.WithoutCancel(ctx), t.Name))
		}
	}()
	copied := int64(0)
	if t.Content == tenancy.Copy {
		if copied, err = p.copy(ctx, t, hold); err != nil {
			return err
		}
	}
	if err := p.finish(ctx, t); err != nil {
		return err
	}
	if err := hold(ctx, copied); err != nil {
		return err
	}
	return p.publish(ctx, t.Name)
}

// copy copies the store of one tenant to the draft of another, and returns its size.
func (p *tenantPlaces) copy(ctx context.Context, t tenancy.Tenant, hold func(context.Context, int64) error) (size int64, err error) {
	if err := p.room(t.Of); err != nil {
		return 0, err
	}
	to, err := p.restoreDraft(ctx, t.Name)
	if err != nil {
		return 0, err
	}
	held := time.Now()
	err = p.parts(ctx, t.Of, func(part store.Part) error {
		if err := to.Put(ctx, part); err != nil {
			return err
		}
		size += part.Size
		if time.Since(held) < time.Second {
			return ctx.Err()
		}
		held = time.Now()
		return hold(ctx, size)
	})
	if err == nil {
		err = to.End(ctx)
	}
	if err != nil {
		err = errors.Join(err, to.Undo(context.WithoutCancel(ctx)))
	}
	return size, err
}

// spare is how much of the disk a copy leaves to the tenants that are served.
const spare = 64 << 20

// room refuses a copy for which the disk has no room, before it takes that of others.
func (p *tenantPlaces) room(name string) error {
	if p.Database != "" {
		return nil
	}
	var size uint64
	count := func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir() && name == "" && slices.Contains([]string{"tenants", "exports"}, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			size += uint64(max(info.Size(), 0))
		}
		return err
	}
	if err := filepath.WalkDir(p.folderOf(name), count); err != nil {
		return err
	}
	// The content of Binaries may lie elsewhere.
	blobs := filepath.Join(p.folderOf(name), "blobs")
	if info, err := os.Lstat(blobs); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := filepath.WalkDir(blobs+string(filepath.Separator), count); err != nil {
			return err
		}
	}
	free, err := sqlite.FreeBytes(p.folder())
	if err == nil && free < size+spare {
		err = fmt.Errorf("%w: the copy takes %s and %s are free, of which %s are left to the others", store.ErrFull, humanize.IBytes(size), humanize.IBytes(free), humanize.IBytes(spare))
	}
	return err
}

// finish makes the draft of a tenant what it is to be.
func (p *tenantPlaces) finish(ctx context.Context, t tenancy.Tenant) (err error) {
	s, err := p.openDraft(ctx, t.Name)
	if err != nil {
		return err
	}
	return p.furnish(ctx, s, t)
}

// Remove implements tenancy.Places.
func (p *tenantPlaces) Remove(ctx context.Context, name string) error {
	if err := p.discard(ctx, name); err != nil {
		return err
	}
	if there, err := p.There(ctx, name); err != nil {
		return err
	} else if there {
		if err := p.withdraw(ctx, name); err != nil {
			return err
		}
	}
	if p.files != nil {
		if err := removeExports(ctx, p.files(name)); err != nil {
			return err
		}
	}
	return p.discard(ctx, name)
}

func removeExports(ctx context.Context, files bulkjob.Files) error {
	all, err := files.Exports(ctx)
	if err != nil {
		return err
	}
	for _, id := range all {
		if err := bulkjob.Remove(ctx, files, id); err != nil {
			return err
		}
	}
	return nil
}

// draftOf is the folder or schema of what is no tenant yet, or no more. No tenant's
// begins so.
func (p *tenantPlaces) draftOf(name string) string {
	if p.Database != "" {
		return "draft_" + schemaOf(name)
	}
	return filepath.Join(filepath.Dir(p.folderOf(name)), "."+name)
}

func (p *tenantPlaces) openDraft(ctx context.Context, name string) (store.Store, error) {
	if p.Database != "" {
		return postgres.Open(ctx, p.Database, p.draftOf(name))
	}
	return sqlite.Open(ctx, p.draftOf(name))
}

func (p *tenantPlaces) restoreDraft(ctx context.Context, name string) (restorer, error) {
	if p.Database != "" {
		return postgres.Restore(ctx, p.Database, p.draftOf(name))
	}
	return sqlite.Restore(p.draftOf(name))
}

// publish makes a draft, which nobody has open, the tenant's store.
func (p *tenantPlaces) publish(ctx context.Context, name string) error {
	return p.rename(ctx, name, p.draftOf(name), p.stands(name))
}

// withdraw makes the tenant's store, which nobody has open, a draft.
func (p *tenantPlaces) withdraw(ctx context.Context, name string) error {
	return p.rename(ctx, name, p.stands(name), p.draftOf(name))
}

// stands is the folder or schema of a tenant.
func (p *tenantPlaces) stands(name string) string {
	if p.Database != "" {
		return schemaOf(name)
	}
	return p.folderOf(name)
}

func (p *tenantPlaces) rename(ctx context.Context, name, from, to string) error {
	if p.Database != "" {
		return postgres.Rename(ctx, p.Database, from, to)
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(p.folderOf(name)))
}

// discard removes the draft of a tenant, if there is one.
func (p *tenantPlaces) discard(ctx context.Context, name string) error {
	if p.Database != "" {
		return postgres.Drop(ctx, p.Database, p.draftOf(name))
	}
	draft := p.draftOf(name)
	if !strings.HasPrefix(filepath.Base(draft), ".") {
		return fmt.Errorf("%s is no draft", draft)
	}
	return os.RemoveAll(draft)
}
