package console_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records/tenancy"
)

// fakePlaces remember what is where, and make nothing.
type fakePlaces struct {
	mu    sync.Mutex
	there map[string]string // by tenant: what was made
	full  bool              // the disk
	begun func()            // is called by Make, which then waits for its end
}

func (p *fakePlaces) There(_ context.Context, name string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.there[name]
	return ok, nil
}

func (p *fakePlaces) Make(ctx context.Context, t tenancy.Tenant, hold func(context.Context, int64) error) error {
	if p.begun != nil {
		p.begun()
		<-ctx.Done()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full {
		return fmt.Errorf("no space left on device")
	}
	if err := hold(ctx, 5<<20); err != nil {
		return err
	}
	p.there[t.Name] = t.String()
	return nil
}

func (p *fakePlaces) Remove(_ context.Context, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.there, name)
	return nil
}

func (p *fakePlaces) made(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.there[name]
}

const tenantsPage = "/console/tenants"

func TestATenantIsMadeSuspendedAndDeletedFromThePage(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	root.get(tenantsPage).Want(200).Has("Make a tenant", "A copy of the default tenant")
	page := root.fill(tenantsPage, tenantsPage+"/new", "name", "east", "content", "copy of ").Want(200).Has("Tenant east", "A copy of the default tenant", "by root")
	if page.Path != tenantsPage+"/tenant/east" {
		t.Errorf("it ends at %s", page.Path)
	}
	if made := o.places.made("east"); made != "tenant east (a copy of the default tenant)" {
		t.Errorf("made: %q", made)
	}
	east := page.Path
	root.fill(east, east, "act", "link").Want(200).Has("https://ehr.example/first")
	root.fill(east, east, "act", "delete", "confirm", "east").Want(422).Has("suspend it first")
	root.fill(east, east, "act", "suspend").Want(200).Has("suspended", "Resume the tenant")
	root.fill(east, east, "act", "resume").Want(200).Has("Suspend the tenant")
	root.fill(east, east, "act", "suspend").Want(200)
	root.fill(east, east, "act", "delete", "confirm", "west").Want(422).Has("Write east here")
	if gone := root.fill(east, east, "act", "delete", "confirm", "east").Want(200).Has("The tenant is gone."); gone.Path != tenantsPage {
		t.Errorf("it ends at %s", gone.Path)
	}
	if o.places.made("east") != "" {
		t.Error("it is there still")
	}
	root.get(east).Want(404)
	if err := o.Door.Audit().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	var notes []string
	found, err := o.Door.Audit().Find(t.Context(), audit.Query{Match: func(e *audit.Event) bool { return e.Kind == audit.Administer }, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found.Events {
		notes = append(notes, e.Note)
	}
	for _, want := range []string{"order of tenant east (a copy of the default tenant)", "tenant east (a copy of the default tenant) was made", "suspend tenant east", "delete tenant east", "tenant east (a copy of the default tenant) was deleted"} {
		if !strings.Contains(strings.Join(notes, "\n"), want) {
			t.Errorf("the audit log does not tell %q, but %q", want, notes)
		}
	}
}

func TestATenantThatCannotBeIsRefusedAtItsField(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	for name, words := range map[string]string{
		"East": "begins with a letter", "": "begins with a letter", "a/b": "begins with a letter", "default": "choose another name", "fixed": "already", strings.Repeat("a", 33): "begins with a letter",
	} {
		root.fill(tenantsPage, tenantsPage+"/new", "name", name, "content", "empty").Has(words, `id="name-error"`)
	}
	root.fill(tenantsPage, tenantsPage+"/new", "name", "east", "content", "copy of nowhere").Has("no such tenant", `id="content-error"`)
	root.fill(tenantsPage, tenantsPage+"/new", "name", "east", "content", "everything").Has("empty, a copy, or a sandbox")
	if list, err := o.office.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestWhatCouldNotBeMadeSaysWhy(t *testing.T) {
	o := newOffice(t)
	o.places.full = true
	root := o.enter("root")
	page := root.fill(tenantsPage, tenantsPage+"/new", "name", "east", "content", "sandbox").Want(200).Has("could not be made", "no space left on device", "Nothing of it is there")
	root.fill(page.Path, page.Path, "act", "cancel").Want(200).Has("The tenant is gone.")
}

func TestATenantThatIsTakenBackWhileItIsMadeIsGone(t *testing.T) {
	o := newOffice(t)
	o.places.begun = func() {
		if err := o.office.Delete(t.Context(), "east"); err != nil {
			t.Error(err)
		}
	}
	page := o.enter("root").fill(tenantsPage, tenantsPage+"/new", "name", "east", "content", "empty").Want(200).Has("The tenant is gone.")
	if page.Path != tenantsPage {
		t.Errorf("it ends at %s", page.Path)
	}
}

func TestOnlyAdministratorsMakeTenants(t *testing.T) {
	o := newOffice(t)
	for _, login := range []string{"vera", "noor", "ann"} {
		o.enter(login).get(tenantsPage).Want(403)
		o.enter(login).get(tenantsPage + "/tenant/east").Want(403)
		o.enter(login).post(tenantsPage+"/new", "name", "east", "content", "empty").Want(403)
	}
	if list, err := o.office.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
