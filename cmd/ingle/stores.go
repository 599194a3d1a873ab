package main

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// folder is where SQLite keeps its files.
func (f storeFlags) folder() string {
	if f.Data != "" {
		return f.Data
	}
	return "ingle-data"
}

// openTenants are tenants and the stores that their doors own, for what is kept
// there beside the records.
type openTenants struct {
	*records.Tenants

	mu     sync.RWMutex
	stores map[string]store.Store
}

// store is that of a tenant; nil when it is not open.
func (t *openTenants) store(name string) store.Store {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.stores[name]
}

// add adds a tenant that is not there.
func (t *openTenants) add(door *records.Door, s store.Store) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stores[door.Name()] = s
	t.Add(door)
}

// remove takes a tenant out, whose door the caller closes.
func (t *openTenants) remove(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.stores, name)
	t.Remove(name)
}

// open opens the default tenant and the others. base is the public URL of the
// server; logs says how events are recorded, nil for not at all. The caller closes
// the result.
func (f storeFlags) open(ctx context.Context, all []*definitions.Definitions, base string, policy records.Policy, log logger, logs *auditing) (*openTenants, error) {
	if err := warnOfParameters(log, all); err != nil {
		return nil, err
	}
	names := append([]string{""}, f.Tenant...)
	var doors []*records.Door
	stores := map[string]store.Store{}
	for i, name := range names {
		var door *records.Door
		var err error
		if slices.Contains(names[:i], name) {
			err = usage("--tenant %s is given twice", name)
		} else {
			door, stores[name], err = f.openTenant(ctx, name, all, base, policy, log, logs)
		}
		if err != nil {
			return nil, errors.Join(err, records.NewTenants(doors...).Close())
		}
		doors = append(doors, door)
	}
	return &openTenants{Tenants: records.NewTenants(doors...), stores: stores}, nil
}

// oneTenant refuses several tenants, for commands that work on one.
func (f storeFlags) oneTenant() error {
	if len(f.Tenant) > 1 {
		return usage("--tenant is given %d times: this works on one tenant", len(f.Tenant))
	}
	return nil
}

// named is the tenant that was named, else the default one.
func (f storeFlags) named(tenants *openTenants) *records.Door {
	names := tenants.Names()
	door, _ := tenants.Door(names[len(names)-1])
	return door
}

// tenants lists the tenants whose records are there, "" for the default one.
func (f storeFlags) tenants(ctx context.Context) ([]string, error) {
	var names []string
	if f.Database != "" {
		schemas, err := postgres.Schemas(ctx, f.Database, schemaOf(""))
		for _, schema := range schemas {
			name := strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(schema, schemaOf("")), "_"), "_", "-")
			names = append(names, name)
		}
		return names, err
	}
	if sqlite.Exists(f.folder()) {
		names = append(names, "")
	}
	entries, err := os.ReadDir(filepath.Join(f.folder(), "tenants"))
	for _, e := range entries {
		if tenancy.ValidName(e.Name()) && sqlite.Exists(f.folderOf(e.Name())) {
			names = append(names, e.Name())
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return names, err
}

// present refuses what has no records, for commands that only read: they must
// not make any.
func (f storeFlags) present(ctx context.Context) error {
	if err := f.exclusive(); err != nil {
		return err
	}
	there, err := f.tenants(ctx)
	if err != nil {
		return err
	}
	for _, name := range append([]string{""}, f.Tenant...) {
		if slices.Contains(there, name) {
			continue
		}
		what := "records"
		if name != "" {
			what = "records of tenant " + name
		}
		return usage("there are no %s in %s", what, f.place())
	}
	return nil
}

// place says where the records are, without passwords.
func (f storeFlags) place() string {
	if f.Database == "" {
		return f.folder()
	}
	if u, err := url.Parse(f.Database); err == nil {
		return u.Redacted()
	}
	return "the database"
}

// flags are those by which another command finds the same records and key file.
func (f storeFlags) flags(keyFile string) string {
	flags := "--data " + f.folder()
	if f.Database != "" {
		flags = "--database " + f.place()
	}
	if keyFile != "" {
		flags += " --key-file " + keyFile
	}
	return flags
}

// exclusive refuses records that are kept in two places, or in one that is not known.
func (f storeFlags) exclusive() error {
	if f.Data != "" && f.Database != "" {
		return usage("--data and --database exclude each other: records are kept either in SQLite or in PostgreSQL")
	}
	if scheme, _, is := strings.Cut(f.Database, "://"); is && scheme != "postgres" && scheme != "postgresql" {
		return usage("--database %s://... is not PostgreSQL: it looks like postgres://ingle@localhost/ingle", scheme)
	}
	return nil
}

// openDoor opens one tenant. Closing the Door closes the store.
func (f storeFlags) openDoor(ctx context.Context, name string, all []*definitions.Definitions, base string, policy records.Policy, log logger) (*records.Door, error) {
	door, _, err := f.openTenant(ctx, name, all, base, policy, log, nil)
	return door, err
}

func (f storeFlags) openTenant(ctx context.Context, name string, all []*definitions.Definitions, base string, policy records.Policy, log logger, logs *auditing) (*records.Door, store.Store, error) {
	if err := f.exclusive(); err != nil {
		return nil, nil, err
	}
	if name != "" && !tenancy.ValidName(name) {
		return nil, nil, usage("--tenant %s: %s", name, tenancy.NameRule)
	}
	base, err := publicURL(base)
	if err != nil {
		return nil, nil, err
	}
	s, err := f.openStore(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	s = f.watching.store(s, name, f.kind())
	door, err := f.doorOf(ctx, s, name, all, base, policy, log, logs)
	return door, s, err
}

// doorOf opens the door of a tenant, which closes the store from now on, also when the
// door cannot be opened.
func (f storeFlags) doorOf(ctx context.Context, s store.Store, name string, all []*definitions.Definitions, base string, policy records.Policy, log logger, logs *auditing) (*records.Door, error) {
	config := records.Config{
		Name: name, Store: s, Definitions: all[0], Others: all[1:], Base: issuerOf(base, name) + "/fhir", Policy: policy, Log: log,
		Traces: f.watching.traces,
	}
	if logs != nil {
		var err error
		if config.Audit, err = logs.open(ctx, s, name, config.Base, log); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	door, err := records.Open(ctx, config)
	if err != nil {
		if config.Audit != nil {
			err = errors.Join(err, config.Audit.Close())
		}
		return nil, errors.Join(err, s.Close())
	}
	return door, nil
}

func (f storeFlags) openStore(ctx context.Context, name string) (store.Store, error) {
	if f.Database != "" {
		return postgres.Open(ctx, f.Database, schemaOf(name))
	}
	dir := f.folderOf(name)
	// Clinical records are nobody else's business.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, dir)
}

// schemaOf is the schema of a tenant. No tenant's name has an underscore.
func schemaOf(name string) string {
	if name == "" {
		return "ingle"
	}
	return "ingle_" + strings.ReplaceAll(name, "-", "_")
}

// folderOf is the folder of a tenant.
func (f storeFlags) folderOf(name string) string {
	if name == "" {
		return f.folder()
	}
	return filepath.Join(f.folder(), "tenants", name)
}
