package console

import (
	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var tenantTemplate = parse("tenant.html")

// tenant shows a tenant that was made while the server ran.
func (v *visit) tenant() error { return v.showTenant("", nil) }

func (v *visit) showTenant(link string, problems []pages.Problem) error {
	if err := v.ownsPlace(); err != nil {
		return err
	}
	name := v.R.PathValue("name")
	t, err := v.room.Office.Tenant(v.R.Context(), name)
	if err != nil {
		return err
	}
	page := struct {
		pages.Frame
		place
		Tenant       tenancy.Tenant
		Content      string
		Copied       string
		Link         string
		All, Console string
		Confirm      pages.Field
	}{Frame: v.frame("Tenant "+name, Path+"/tenants", pages.Narrow), Tenant: t, Link: link, All: v.Path(Path + "/tenants")}
	page.Problems = problems
	page.place = place{Name: name, State: tenantStates[t.State]}
	switch t.Content {
	case tenancy.Copy:
		page.Content = "A copy of " + tenancy.Called(t.Of)
	case tenancy.Sandbox:
		page.Content = "A clinic with synthetic patients"
	case tenancy.Empty:
		page.Content = "It began empty"
	}
	if door, ok := v.room.Tenants.Door(name); ok && t.State == tenancy.Serving {
		page.Served, page.State = true, well
		v.look(&page.place, door)
	}
	if n, err := v.room.Office.Copied(v.R.Context(), t); err != nil {
		return err
	} else if t.State == tenancy.Making && n > 0 {
		page.Copied = humanize.IBytes(uint64(n))
	}
	page.Confirm = pages.Field{ID: "confirm", Label: "Its name, to confirm", Short: true, Complete: "off", Error: page.Problem("confirm")}
	return v.Write(pages.StatusOf(problems), page.Frame, tenantTemplate, page)
}

// changeTenant suspends, resumes, resets or deletes a tenant, or shows how its first
// administrator comes in.
func (v *visit) changeTenant() error {
	if err := v.ownsPlace(); err != nil {
		return err
	}
	ctx, name, act := v.R.Context(), v.R.PathValue("name"), v.Form.Get("act")
	v.Note(audit.Administer, act+" tenant "+name)
	var err error
	switch act {
	case "link":
		return v.showFirstLink(name)
	case "suspend":
		err = v.room.Office.Suspend(ctx, name)
	case "resume":
		err = v.room.Office.Resume(ctx, name)
	case "reset":
		err = v.resetTenant(name)
	case "cancel":
		err, act = v.room.Office.Delete(ctx, name), "delete"
	case "delete":
		if v.Form.Get("confirm") != name {
			return v.showTenant("", []pages.Problem{{Field: "confirm", Message: "Write " + name + " here, to delete the tenant with all that it holds."}})
		}
		err = v.room.Office.Delete(ctx, name)
	default:
		err = fault.New(fault.Invalid, fault.CodeValue, "", "A tenant is suspended, resumed, reset or deleted.")
	}
	if list := pages.Problems(err); list != nil {
		return v.showTenant("", list)
	}
	if err != nil {
		return err
	}
	if act == "reset" {
		return v.done(Path+"/tenants/tenant/"+name, "reset")
	}
	if _, err := v.settled(name); err != nil && fault.KindOf(err) == fault.NotFound {
		return v.done(Path+"/tenants", "tenant-gone")
	}
	return v.done(Path+"/tenants/tenant/"+name, "tenant-"+act)
}

// resetTenant makes the records of a sandbox those of a new one.
func (v *visit) resetTenant(name string) error {
	t, err := v.room.Office.Tenant(v.R.Context(), name)
	if err != nil {
		return err
	}
	if t.Content != tenancy.Sandbox || t.State != tenancy.Serving {
		return fault.New(fault.Conflict, fault.CodeConflict, "", "This place is no sandbox that is served: its records are not thrown away.")
	}
	if v.Form.Get("confirm-reset") == "" {
		return fault.New(fault.Invalid, fault.CodeRequired, "confirm-reset", "Tick that all records are to be thrown away.")
	}
	return v.room.Reset(v.R.Context(), name)
}

func (v *visit) showFirstLink(name string) error {
	if _, err := v.room.Office.Tenant(v.R.Context(), name); err != nil {
		return err
	}
	link, err := v.room.FirstLink(v.R.Context(), name)
	if err != nil {
		return err
	}
	if link == "" {
		return v.showTenant("", []pages.Problem{{Message: "The tenant has an administrator already, or is not served yet."}})
	}
	return v.showTenant(link, nil)
}
