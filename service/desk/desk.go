// Package desk is the room of those who write apps: register one, launch it as a record
// system would, read what it did and what went wrong, look into tokens, ask questions of
// the records and see how they are answered.
//
// An app is shown to whoever registered it and to nobody else.
package desk

import (
	"embed"
	"errors"
	"net/http"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// Name and Path are those of the room in the menu.
const (
	Name = "Developers"
	Path = "/developers"
)

// Roles are who may enter.
func Roles() []identity.Role {
	return []identity.Role{identity.AppDeveloper, identity.Administrator}
}

//go:embed page/*.html
var pageFiles embed.FS

//go:embed asset/*
var assetFiles embed.FS

var assets = pages.MakeAssets(assetFiles, "asset")

// Mount serves the pages for every tenant of a house.
func Mount(house *pages.House, site *web.Site) {
	assets.Mount(site)
	room := pages.Room{Name: Name, Path: Path, House: house, Places: places, Pages: []pages.Page{
		{Pattern: "GET ", Serve: showApps},
		{Pattern: "GET /new", Serve: showNew},
		{Pattern: "POST /new", Serve: register},
		{Pattern: "GET /app/{id}", Serve: own(showApp)},
		{Pattern: "POST /app/{id}", Serve: own(changeApp)},
		{Pattern: "GET /app/{id}/launch", Serve: own(showLaunch)},
		{Pattern: "POST /app/{id}/launch", Serve: own(launch)},
		{Pattern: "GET /app/{id}/trace", Serve: own(showTrace)},
		{Pattern: "POST /app/{id}/trace", Serve: own(changeTrace)},
		{Pattern: "GET /app/{id}/trace.json", Serve: own(downloadTrace)},
		{Pattern: "GET /app/{id}/requests", Serve: own(showRequests)},
		{Pattern: "GET /app/{id}/data", Serve: own(showData)},
		{Pattern: "GET /app/{id}/subscriptions", Serve: own(showSubscriptions)},
		{Pattern: "POST /app/{id}/subscriptions", Serve: own(trySubscription)},
		{Pattern: "GET /trace", Serve: showUpload},
		{Pattern: "POST /trace", Serve: upload},
		{Pattern: "GET /tokens", Serve: showToken},
		{Pattern: "POST /tokens", Serve: inspect},
		{Pattern: "GET /query", Serve: showQuery},
	}}
	for i := range room.Pages {
		room.Pages[i].Roles = Roles()
	}
	room.Mount(site)
}

func places(v *pages.Visit) []pages.Item {
	at := func(name, path string) pages.Item { return pages.Item{Name: name, Address: v.Path(Path + path)} }
	return []pages.Item{at("Your apps", ""), at("Register an app", "/new"), at("Query console", "/query"), at("Token inspector", "/tokens"), at("Read a trace", "/trace")}
}

// frame begins a page that belongs to a place of the menu.
func frame(v *pages.Visit, title, place string, d pages.Density) pages.Frame {
	f := v.Frame(title, v.Path(Path+place), d)
	f.Styles = []string{assets.Path("desk.css")}
	return f
}

// own lets those who registered an app in. Other people's apps are not there.
func own(serve func(*pages.Visit, *identity.Client) error) func(*pages.Visit) error {
	return func(v *pages.Visit) error {
		c, err := v.Identity.Client(v.R.Context(), v.R.PathValue("id"))
		if err != nil && !errors.Is(err, identity.ErrNoClient) {
			return err
		}
		if err != nil || c.Owner == "" || c.Owner != v.User.ID {
			return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such app among those that you registered.")
		}
		if v.R.Method == http.MethodPost {
			v.Note(audit.Administer, "app "+c.ID)
		}
		return serve(v, c)
	}
}

// head is what all pages of an app have above.
type head struct {
	Client    *identity.Client
	Tabs      []pages.Item
	Simulated *identity.Simulation // that runs; nil for none
	Sandbox   bool
	Address   string // of the app's pages
	Back      string // address of the list
	Token     string // that forms send back
}

// heading makes the head of an app's page.
func heading(v *pages.Visit, c *identity.Client, here string) (head, error) {
	address := v.Path(Path + "/app/" + c.ID)
	h := head{Client: c, Sandbox: v.Identity.Sandbox(), Address: address, Back: v.Path(Path), Token: v.Visitor.Token}
	for _, tab := range []struct{ name, path string }{
		{"Set up", ""}, {"Launch", "/launch"}, {"Trace", "/trace"}, {"Requests", "/requests"}, {"Data it uses", "/data"}, {"Subscriptions", "/subscriptions"},
	} {
		h.Tabs = append(h.Tabs, pages.Item{Name: tab.name, Address: address + tab.path, Here: tab.path == here})
	}
	var err error
	h.Simulated, err = v.Identity.Simulation(v.R.Context(), c.ID)
	return h, err
}
