package portal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
)

var appsTemplate = pages.Parse(pageFiles, "apps.html", "page/people.html")

// usageDays is for how many days the portal tells what an app used.
const usageDays = 30

// app is what the visitor allowed an app about this record, however many times.
type app struct {
	ID, Name, Home, Address string
	grants                  []*identity.Grant
	Scopes                  smart.Scopes // of all of them
	May                     []string
	Since                   time.Time
	Until                   time.Time // when all of it has ended; zero when it ends with no time
	Away                    bool      // also while the visitor is signed out
	Requests, Resources     int64     // of the last days
	Refused                 int64
	Last                    *looked // when it last looked; nil for never
}

// apps lists the apps that may use the record.
func (r *record) apps() error {
	all, err := r.grantedApps()
	if err != nil {
		return err
	}
	for i := range all {
		if err := r.measure(&all[i]); err != nil {
			return err
		}
	}
	f := r.frame("My apps", "/apps", pages.Narrow)
	if r.Query.Get("done") == "ended" {
		f.Notice = "The app can use nothing any more. It has to ask again if you want to use it."
	}
	return r.showIn(http.StatusOK, f, appsTemplate, struct {
		Apps []app
		Days int
		Now  time.Time
	}{all, usageDays, r.Now})
}

// grantedApps are the apps with something of what the visitor allowed still good, those
// used last first.
func (r *record) grantedApps() ([]app, error) {
	grants, err := r.Identity.LiveGrants(r.R.Context(), r.User.ID)
	if err != nil {
		return nil, err
	}
	var all []app
	for _, g := range grants {
		if g.Context.Patient != string(r.id) && (g.Context.Patient != "" || !r.own) {
			continue
		}
		i := slices.IndexFunc(all, func(a app) bool { return a.ID == g.Client })
		if i < 0 {
			a, err := r.named(g.Client)
			if err != nil {
				return nil, err
			}
			i, all = len(all), append(all, a)
		}
		all[i].add(g)
	}
	slices.SortStableFunc(all, func(a, b app) int { return b.grants[0].Used.Compare(a.grants[0].Used) })
	for i := range all {
		all[i].May = pages.ScopeTexts(all[i].Scopes, r.own)
	}
	return all, nil
}

// named is an app with its name.
func (r *record) named(client string) (app, error) {
	a := app{ID: client, Name: client, Address: r.at("/apps/" + url.PathEscape(client))}
	c, err := r.Identity.Client(r.R.Context(), client)
	switch {
	case err == nil:
		a.Name, a.Home = cmp.Or(c.Name, client), c.URI
	case !errors.Is(err, identity.ErrNoClient):
		return a, err
	}
	return a, nil
}

// add adds a grant; the first ones are the latest.
func (a *app) add(g *identity.Grant) {
	until := g.Until
	if !g.Offline() {
		until = g.Expires
	}
	if len(a.grants) == 0 || !a.Until.IsZero() && (until.IsZero() || until.After(a.Until)) {
		a.Until = until
	}
	a.grants = append(a.grants, g)
	if a.Since.IsZero() || g.Created.Before(a.Since) {
		a.Since = g.Created
	}
	a.Away = a.Away || g.Offline()
	for _, s := range g.Scopes {
		if !a.Scopes.Covered(s) {
			a.Scopes = append(slices.DeleteFunc(a.Scopes, func(old string) bool { return smart.Scopes{s}.Covered(old) }), s)
		}
	}
}

// measure finds out how much the app used for the visitor, and when it last looked.
func (r *record) measure(a *app) error {
	rows, err := r.Door.Usage(r.R.Context(), usageDays, a.ID)
	if err != nil {
		return err
	}
	for _, u := range rows {
		if u.User == r.User.ID {
			a.Requests, a.Resources, a.Refused = a.Requests+u.Requests, a.Resources+u.Resources, a.Refused+u.Refused
		}
	}
	last, _, err := r.lookedBy(lookedQuery{Agent: a.ID, All: true}, "", 1)
	if len(last) > 0 {
		a.Last = &last[0]
	}
	return err
}
