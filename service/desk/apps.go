package desk

import (
	"errors"
	"net/http"
	"slices"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var appsTemplate = pages.Parse(pageFiles, "apps.html", "page/head.html")

// maxApps is how many apps one user may register.
const maxApps = 100

var errEnough = errors.New("desk: enough")

// ownApps are those that the visitor registered, the newest first.
func ownApps(v *pages.Visit) ([]*identity.Client, error) {
	var all []*identity.Client
	err := v.Identity.Clients(v.R.Context(), v.User.ID, func(c *identity.Client) error {
		all = append(all, c)
		if len(all) > maxApps {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	slices.SortFunc(all, func(a, b *identity.Client) int { return b.Created.Compare(a.Created) })
	return all, err
}

// room says that no more apps can be registered.
func room(v *pages.Visit) error {
	all, err := ownApps(v)
	if err == nil && len(all) >= maxApps {
		err = fault.New(fault.Unprocessable, fault.CodeBusinessRule, "", "you have registered %d apps, which is the most; delete one", len(all))
	}
	return err
}

// appRow is an app in the list.
type appRow struct {
	Client    *identity.Client
	Address   string
	Kind      string
	Simulated bool
}

func showApps(v *pages.Visit) error {
	all, err := ownApps(v)
	if err != nil {
		return err
	}
	page := struct {
		Apps      []appRow
		New, FHIR string
		Sandbox   bool
	}{New: v.Path(Path + "/new"), FHIR: v.Identity.FHIRBase(), Sandbox: v.Identity.Sandbox()}
	for _, c := range all {
		m, err := v.Identity.Simulation(v.R.Context(), c.ID)
		if err != nil {
			return err
		}
		page.Apps = append(page.Apps, appRow{c, v.Path(Path + "/app/" + c.ID), kindOf(c), m != nil})
	}
	f := frame(v, "Your apps", "", pages.Wide)
	if v.Query.Get("done") == "deleted" {
		f.Notice = "The app was deleted."
	}
	return v.Write(http.StatusOK, f, appsTemplate, page)
}

// kindOf is how an app proves who it is, in words.
func kindOf(c *identity.Client) string {
	switch {
	case !c.May(identity.AuthorizationCode):
		return "Backend service, with a key pair"
	case c.Auth == identity.AuthAsymmetric:
		return "Confidential, with a key pair"
	case c.Confidential():
		return "Confidential, with a secret"
	}
	return "Public, without a secret"
}
