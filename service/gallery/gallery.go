// Package gallery is the room where people find apps: what each is for, who made it,
// what it asks for and what it really uses here, what others think of it, and how to
// open it. Administrators approve, suspend and adopt apps there.
package gallery

import (
	"embed"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/recent"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
)

// Where the room is.
const (
	Name = "Gallery"
	Path = "/gallery"
)

// Gallery serves the pages. It is safe for concurrent use.
type Gallery struct {
	room pages.Room
	used *recent.Map[string, kept] // by tenant and client
}

// kept is what is remembered of the use of an app for a while.
type kept struct {
	use
	until time.Time
}

// maxKept is of how many apps the use is remembered.
const maxKept = 1000

// New makes the room.
func New(h *pages.House) *Gallery {
	g := &Gallery{used: recent.NewMap[string, kept](maxKept)}
	g.room = pages.Room{Name: Name, Path: Path, House: h, Pages: []pages.Page{
		{Pattern: "GET ", Public: true, Serve: g.list},
		{Pattern: "GET /app/{id}", Public: true, Serve: g.app},
		{Pattern: "POST /app/{id}/rating", Serve: g.rate},
		{Pattern: "POST /app/{id}/decision", Roles: []identity.Role{identity.Administrator}, Serve: g.decide},
	}}
	return g
}

// Mount serves the room.
func (g *Gallery) Mount(site *web.Site) {
	assets.Mount(site)
	g.room.Mount(site)
}

//go:embed page/*.html
var pageFiles embed.FS

//go:embed asset
var assetFiles embed.FS

var assets = pages.MakeAssets(assetFiles, "asset")

func parse(name string) *pages.Template { return pages.Parse(pageFiles, name) }

// frame begins a page.
func frame(v *pages.Visit, title string) pages.Frame {
	f := v.Frame(title, "", pages.Wide)
	f.Styles = []string{assets.Path("gallery.css")}
	return f
}

// administers says whether the visitor decides about apps.
func administers(v *pages.Visit) bool { return v.User != nil && v.User.Has(identity.Administrator) }
