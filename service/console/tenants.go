package console

import (
	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var tenantsTemplate = parse("tenants.html")

// place is a tenant in the list.
type place struct {
	Name, Base string
	Resources  int64
	Here       bool
	State      pages.Tag
}

// tenants lists the tenants of this process to administrators of the default one, and
// to those of another that one.
func (v *visit) tenants() error { return v.showTenants(nil) }

func (v *visit) showTenants(problems []pages.Problem) error {
	page := struct {
		pages.Frame
		Tenants []place
		Reset   bool
	}{Frame: v.frame("Tenants", Path+"/tenants", pages.Wide), Reset: v.room.Reset != nil && v.Tenant == ""}
	page.Problems = problems
	names := v.room.Tenants.Names()
	if v.Tenant != "" {
		names = []string{v.Tenant}
	}
	for _, name := range names {
		door, ok := v.room.Tenants.Door(name)
		if !ok {
			continue
		}
		one := place{Name: name, Base: door.Base(), Here: name == v.Tenant, State: well}
		if err := door.Ping(v.R.Context()); err != nil {
			one.State = pages.Tag{Kind: "bad", Text: "trouble"}
		} else {
			stats, err := door.Stats(v.R.Context())
			if err != nil {
				return err
			}
			for _, n := range stats {
				one.Resources += n
			}
		}
		page.Tenants = append(page.Tenants, one)
	}
	return v.Write(pages.StatusOf(problems), page.Frame, tenantsTemplate, page)
}

// reset makes the records of the sandbox those of a new one.
func (v *visit) reset() error {
	if v.room.Reset == nil || v.Tenant != "" {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "This place is no sandbox: its records are not thrown away.")
	}
	if v.Form.Get("confirm") == "" {
		return v.showTenants([]pages.Problem{{Field: "confirm", Message: "Tick that all records are to be thrown away."}})
	}
	v.Note(audit.Administer, "reset of the sandbox")
	err := v.room.Reset(v.R.Context())
	if list := pages.Problems(err); list != nil {
		return v.showTenants(list)
	}
	if err != nil {
		return err
	}
	return v.done(Path+"/tenants", "reset")
}
