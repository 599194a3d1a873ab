package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

// folder is where SQLite keeps its files.
func (f storeFlags) folder() string {
	if f.Data != "" {
		return f.Data
	}
	return "ingle-data"
}

// open opens the default tenant and the others. base is the public URL of the
// server. The caller closes the result.
func (f storeFlags) open(ctx context.Context, all []*definitions.Definitions, base string, policy records.Policy, log logger) (*records.Tenants, error) {
	if f.Data != "" && f.Database != "" {
		return nil, usage("--data and --database exclude each other: records are kept either in SQLite or in PostgreSQL")
	}
	names := append([]string{""}, f.Tenant...)
	var doors []*records.Door
	fail := func(err error) (*records.Tenants, error) {
		errs := []error{err}
		for _, d := range doors {
			errs = append(errs, d.Close())
		}
		return nil, errors.Join(errs...)
	}
	for i, name := range names {
		if name != "" && !validTenant(name) {
			return fail(usage("--tenant %s: a tenant's name has 1 to 32 of a-z, 0-9 and '-', and begins with a letter", name))
		}
		if slices.Contains(names[:i], name) {
			return fail(usage("--tenant %s is given twice", name))
		}
		door, err := f.openDoor(ctx, name, all, base, policy, log)
		if err != nil {
			return fail(err)
		}
		doors = append(doors, door)
	}
	return records.NewTenants(doors...), nil
}

func (f storeFlags) openDoor(ctx context.Context, name string, all []*definitions.Definitions, base string, policy records.Policy, log logger) (*records.Door, error) {
	s, err := f.openStore(ctx, name)
	if err != nil {
		return nil, err
	}
	address := base + "/fhir"
	if name != "" {
		address = base + "/t/" + name + "/fhir"
	}
	door, err := records.Open(ctx, records.Config{
		Name: name, Store: s, Definitions: all[0], Others: all[1:], Base: address, Policy: policy, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return door, nil
}

func (f storeFlags) openStore(ctx context.Context, name string) (store.Store, error) {
	if f.Database != "" {
		return nil, usage("--database: this build has no PostgreSQL")
	}
	dir := f.folder()
	if name != "" {
		dir = filepath.Join(dir, "tenants", name)
	}
	// Clinical records are nobody else's business.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, dir)
}

func validTenant(name string) bool {
	if len(name) == 0 || len(name) > 32 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
