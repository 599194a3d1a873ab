package console

import (
	"context"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var tenantsTemplate = parse("tenants.html")

// place is a tenant in the list.
type place struct {
	Name, Base, Address string
	Resources           int64
	Served, Here        bool
	State               pages.Tag
}

// tenantStates are how the states of tenants are shown.
var tenantStates = map[tenancy.State]pages.Tag{
	tenancy.Making: {Kind: "info", Text: "being made"}, tenancy.Serving: {Kind: "info", Text: "starting"}, tenancy.Suspended: {Kind: "warn", Text: "suspended"},
	tenancy.Ending: {Kind: "warn", Text: "being deleted"}, tenancy.Failed: {Kind: "bad", Text: "could not be made"},
}

// tenants lists the tenants to administrators of the default one, and to those of
// another that one.
func (v *visit) tenants() error { return v.showTenants(nil) }

func (v *visit) showTenants(problems []pages.Problem) error {
	page := struct {
		pages.Frame
		Tenants       []place
		Reset, Makes  bool
		New, Own      string // where forms go
		Name, Content pages.Field
	}{Frame: v.frame("Tenants", Path+"/tenants", pages.Wide), Reset: v.room.Sandbox && v.Tenant == "", Makes: v.Tenant == "", New: v.Path(Path + "/tenants/new"), Own: v.Path(Path + "/tenants")}
	page.Problems = problems
	names := []string{v.Tenant}
	var made []tenancy.Tenant
	if v.Tenant == "" {
		var err error
		if made, err = v.room.Office.List(v.R.Context()); err != nil {
			return err
		}
		names = v.room.Tenants.Names()
	}
	for _, name := range names {
		one := place{Name: name, Here: name == v.Tenant, Served: true, State: well}
		if door, ok := v.room.Tenants.Door(name); ok {
			v.look(&one, door)
			page.Tenants = append(page.Tenants, one)
		}
	}
	for _, t := range made {
		address, there := v.Path(Path+"/tenants/tenant/"+t.Name), false
		for i := range page.Tenants {
			if page.Tenants[i].Name == t.Name {
				page.Tenants[i].Address, there = address, true
			}
		}
		if !there || t.State != tenancy.Serving {
			page.Tenants = append(page.Tenants, place{Name: t.Name, Address: address, State: tenantStates[t.State]})
		}
	}
	page.Name = pages.Field{
		ID: "name", Label: "Name", Value: v.Form.Get("name"), Short: true, Complete: "off", Error: page.Problem("name"),
		Hint: "It becomes a part of its address: 1 to 32 of a-z, 0-9 and '-', a letter first.",
	}
	page.Content = pages.Field{ID: "content", Label: "What is in it", Choices: v.contents(names), Error: page.Problem("content") + page.Problem("of")}
	return v.Write(pages.StatusOf(problems), page.Frame, tenantsTemplate, page)
}

// look says how a tenant is that is served. Its records may go at any time.
func (v *visit) look(one *place, door *records.Door) {
	one.Base = door.Base()
	stats, err := door.Stats(v.R.Context())
	if err == nil {
		err = door.Ping(v.R.Context())
	}
	if err != nil {
		one.State = pages.Tag{Kind: "bad", Text: "trouble"}
	}
	for _, n := range stats {
		one.Resources += n
	}
}

// copyOf begins the value of a choice that copies a tenant.
const copyOf = "copy of "

// contents are what a new tenant can hold.
func (v *visit) contents(names []string) []pages.Choice {
	all := []pages.Choice{{Value: string(tenancy.Empty), Name: "Nothing"}, {Value: string(tenancy.Sandbox), Name: "A clinic with synthetic patients, which can be reset"}}
	for _, name := range names {
		all = append(all, pages.Choice{Value: copyOf + name, Name: "A copy of " + tenancy.Called(name)})
	}
	for i := range all {
		all[i].Chosen = all[i].Value == v.Form.Get("content")
	}
	return all
}

// atOnce is how long a page waits for what is mostly done at once.
const atOnce = 3 * time.Second

// makeTenant makes a tenant.
func (v *visit) makeTenant() error {
	if err := v.ownsPlace(); err != nil {
		return err
	}
	t := tenancy.Tenant{Name: strings.TrimSpace(v.Form.Get("name")), Content: tenancy.Content(v.Form.Get("content")), By: v.User.Login}
	if of, ok := strings.CutPrefix(v.Form.Get("content"), copyOf); ok {
		t.Content, t.Of = tenancy.Copy, of
	}
	v.Note(audit.Administer, "order of "+t.String())
	ctx := v.R.Context()
	t, err := v.room.Office.Make(ctx, t)
	if list := pages.Problems(err); list != nil || fault.KindOf(err) == fault.NotFound && err != nil {
		if list == nil {
			list = []pages.Problem{{Field: "content", Message: "There is no such tenant any more."}}
		}
		return v.showTenants(list)
	}
	if err != nil {
		return err
	}
	if t, err = v.settled(t.Name); fault.KindOf(err) == fault.NotFound {
		return v.done(Path+"/tenants", "tenant-gone") // somebody took it back
	}
	if err != nil {
		return err
	}
	notice := ""
	if t.State == tenancy.Making {
		notice = "?done=tenant-making"
	}
	return v.See(v.Path(Path+"/tenants/tenant/"+t.Name) + notice)
}

// settled waits a while until a tenant is neither being made nor removed, and until it is
// served if it is to be.
func (v *visit) settled(name string) (tenancy.Tenant, error) {
	ctx, stop := context.WithTimeout(v.R.Context(), atOnce)
	defer stop()
	t, err := v.room.Office.Wait(ctx, name)
	for err == nil && t.State == tenancy.Serving && ctx.Err() == nil {
		if _, served := v.room.Tenants.Door(name); served {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return t, err
}

// ownsPlace refuses who administers another tenant than the default one.
func (v *visit) ownsPlace() error {
	if v.Tenant != "" {
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "Tenants are made and ended by administrators of the default tenant, who run the server.")
	}
	return nil
}

// resetDefault makes the records of the default tenant those of a new sandbox.
func (v *visit) resetDefault() error {
	if !v.room.Sandbox || v.Tenant != "" {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "This place is no sandbox: its records are not thrown away.")
	}
	if v.Form.Get("confirm") == "" {
		return v.showTenants([]pages.Problem{{Field: "confirm", Message: "Tick that all records are to be thrown away."}})
	}
	v.Note(audit.Administer, "reset of the sandbox")
	err := v.room.Reset(v.R.Context(), "")
	if list := pages.Problems(err); list != nil {
		return v.showTenants(list)
	}
	if err != nil {
		return err
	}
	return v.done(Path+"/tenants", "reset")
}
