package auth

import (
	"errors"
	"slices"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// appsPage shows which apps may use the user's data.
type appsPage struct {
	frame
	Apps []grantedApp
}

// grantedApp is one grant in words.
type grantedApp struct {
	Grant   string
	Name    string
	Address string // of the app, "" for none
	Patient string // whose record it is about; "" when that is nobody's
	May     []string
	Since   time.Time
	Used    time.Time
	Until   time.Time // zero: until it is ended
	Away    bool
}

// apps shows every grant that is still good: the app, what it may do, since when,
// until when, and whether also while the user is away.
func (v *visit) apps() error {
	grants, err := v.Identity.LiveGrants(v.r.Context(), v.session.UserID)
	if err != nil {
		return err
	}
	page := appsPage{frame: v.frame("Apps that may use your data", "/account")}
	for _, g := range grants {
		if g.Consent != "" {
			continue // it ends with the grant by which it was allowed, which is here
		}
		app, err := v.granted(g)
		if err != nil {
			return err
		}
		page.Apps = append(page.Apps, app)
	}
	return v.writeFrame(200, page.frame, appsTemplate, page)
}

func (v *visit) granted(g *identity.Grant) (grantedApp, error) {
	app := grantedApp{Grant: g.ID, Name: g.Client, Since: g.Created, Used: g.Used, Until: g.Until, Away: g.Offline()}
	if !app.Away {
		app.Until = g.Expires
	}
	c, err := v.Identity.Client(v.r.Context(), g.Client)
	switch {
	case err == nil:
		app.Name, app.Address = c.Name, c.URI
	case !errors.Is(err, identity.ErrNoClient):
		return app, err
	}
	mine := v.session.User.FHIRUser() == fhir.Key{Type: "Patient", ID: fhirID(g.Context.Patient)}
	app.May = pages.ScopeTexts(slices.DeleteFunc(slices.Clone(g.Scopes), func(s string) bool {
		return s == smart.OfflineAccess || s == smart.OnlineAccess // said by themselves
	}), mine)
	u := v.session.User
	acts, err := v.acts(v.r.Context(), &identity.Access{Client: g.Client, User: u.ID, UserName: u.Name, Roles: u.Roles, Links: u.Links, Context: g.Context})
	if err != nil {
		return app, err
	}
	if id := fhirID(g.Context.Patient); acts && id.Valid() {
		choice, err := (&progress{call: v.call, session: v.session, client: &identity.Client{ID: g.Client}}).patient(v.r.Context(), id)
		if err != nil {
			return app, err
		}
		if choice != nil {
			app.Patient = choice.Name
		}
	}
	return app, nil
}

// endApp ends one grant of the user; another user's is not there.
func (v *visit) endApp() error {
	ctx := v.r.Context()
	g, err := v.Identity.Grant(ctx, v.form.Get("grant"))
	if errors.Is(err, identity.ErrNoGrant) || err == nil && g.User != v.session.UserID {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such access, or it has ended long ago.")
	}
	if err != nil {
		return err
	}
	if err := v.Identity.RevokeGrant(ctx, g.ID, "you ended it"); err != nil {
		return err
	}
	return v.done("/account", "app-ended")
}
