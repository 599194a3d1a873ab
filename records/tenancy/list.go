package tenancy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

const (
	setting = "tenants"
	most    = 500 // tenants in the list
	tries   = 50  // when others change the list at the same time
)

// list is the list of a store. Every change is one write, which expects what was read.
type list struct{ store store.Settings }

func (l list) read(ctx context.Context) (all []Tenant, raw []byte, err error) {
	raw, err = l.store.ReadSetting(ctx, setting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, nil, fmt.Errorf("the list of tenants cannot be read: %w", err)
	}
	return all, raw, nil
}

// change replaces the list by what f makes of it.
func (l list) change(ctx context.Context, f func([]Tenant) ([]Tenant, error)) error {
	for range tries {
		all, raw, err := l.read(ctx)
		if err != nil {
			return err
		}
		if raw == nil {
			if _, err := l.store.InitSetting(ctx, setting, []byte("[]")); err != nil {
				return err
			}
			continue
		}
		next, err := f(all)
		if err != nil {
			return err
		}
		value, err := json.Marshal(next)
		if err != nil {
			return err
		}
		if err := l.store.SwapSetting(ctx, setting, raw, value); !errors.Is(err, store.ErrVersion) {
			return err
		}
	}
	return fault.New(fault.Conflict, fault.CodeConflict, "", "Others change the list of tenants all the time. Try again.")
}

// add adds a tenant, in the place of one of its name that Failed.
func (l list) add(ctx context.Context, t Tenant) error {
	return l.change(ctx, func(all []Tenant) ([]Tenant, error) {
		all = slices.DeleteFunc(all, func(o Tenant) bool { return o.Name == t.Name && o.State == Failed })
		if find(all, t.Name) != nil {
			return nil, taken(t.Name)
		}
		if len(all) >= most {
			return nil, fault.New(fault.Conflict, fault.CodeTooCostly, "", "There are %d tenants, which is as many as there can be. Delete one that nobody needs.", most)
		}
		return append(all, t), nil
	})
}

func taken(name string) error {
	return fault.New(fault.Conflict, fault.CodeDuplicate, "name", "There is a tenant %s already: choose another name.", name)
}

// move changes a tenant that is in one of some states; else the error says what
// it would have to be.
func (l list) move(ctx context.Context, name string, from []State, how string, f func(*Tenant)) (moved Tenant, err error) {
	err = l.change(ctx, func(all []Tenant) ([]Tenant, error) {
		t := find(all, name)
		if t == nil {
			return nil, unknown(name)
		}
		if !slices.Contains(from, t.State) {
			return nil, fault.New(fault.Conflict, fault.CodeConflict, "", "Tenant %s is %s: %s.", name, t.State, how)
		}
		f(t)
		moved = *t
		return all, nil
	})
	return moved, err
}

// made changes a tenant that its job still makes: it may have been taken back, and be made
// anew by another.
func (l list) made(ctx context.Context, by Tenant, f func(*Tenant)) error {
	return l.change(ctx, func(all []Tenant) ([]Tenant, error) {
		t := find(all, by.Name)
		if t == nil || t.Job != by.Job || t.State != Making {
			return nil, fault.New(fault.Conflict, fault.CodeConflict, "", "Tenant %s was taken back while it was being made.", by.Name)
		}
		f(t)
		return all, nil
	})
}

// drop takes a tenant out of the list that its job has removed.
func (l list) drop(ctx context.Context, by Tenant) error {
	return l.change(ctx, func(all []Tenant) ([]Tenant, error) {
		return slices.DeleteFunc(all, func(t Tenant) bool { return t.Name == by.Name && t.Job == by.Job }), nil
	})
}

func unknown(name string) error {
	return fault.New(fault.NotFound, fault.CodeNotFound, "name", "No tenant %s was made while a server ran.", name)
}

func find(all []Tenant, name string) *Tenant {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// Forget takes the list out of a store that is a copy of the default tenant's.
func Forget(ctx context.Context, s store.Settings) error {
	_, raw, err := list{s}.read(ctx)
	if err != nil || raw == nil {
		return err
	}
	return s.WriteSetting(ctx, setting, []byte("[]"))
}
