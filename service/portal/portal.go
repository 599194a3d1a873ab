package portal

import (
	"embed"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
)

//go:embed page/*.html
var pageFiles embed.FS

// Path is where the portal is, Name how the menu calls it.
const (
	Path = "/portal"
	Name = "Portal"
)

// Roles are those who may enter.
var Roles = []identity.Role{identity.Patient, identity.Proxy}

// Mount serves the portal's pages.
func Mount(site *web.Site, house *pages.House) {
	room := pages.Room{Name: Name, Path: Path, House: house, Places: places}
	add := func(pattern string, serve func(*record) error) {
		room.Pages = append(room.Pages, pages.Page{Pattern: pattern, Roles: Roles, Serve: func(v *pages.Visit) error {
			r, err := open(v)
			if r == nil || err != nil {
				return err
			}
			return serve(r)
		}})
	}
	room.Pages = append(room.Pages, pages.Page{Pattern: "GET /{$}", Roles: Roles, Serve: start}, pages.Page{Pattern: "GET ", Roles: Roles, Serve: start})
	add("GET /{patient}", (*record).summary)
	add("GET /{patient}/record", (*record).contents)
	add("GET /{patient}/record/{section}", (*record).section)
	add("GET /{patient}/results", (*record).results)
	add("GET /{patient}/trend", (*record).trend)
	add("GET /{patient}/document/{id}", (*record).document)
	add("GET /{patient}/document/{id}/{n}", (*record).attachment)
	add("GET /{patient}/apps", (*record).apps)
	add("GET /{patient}/apps/{client}", (*record).app)
	add("POST /{patient}/apps/{client}", (*record).app)
	add("GET /{patient}/sharing", (*record).sharing)
	add("GET /{patient}/sharing/{consent}", (*record).choice)
	add("POST /{patient}/sharing/{consent}", (*record).choice)
	add("GET /{patient}/looked", (*record).looked)
	add("GET /{patient}/looked/{event}", (*record).event)
	add("GET /{patient}/looked/{event}/proof", (*record).proof)
	add("GET /{patient}/file", (*record).file)
	add("GET /{patient}/file/record.json", (*record).bundle)
	add("GET /{patient}/file/record.zip", (*record).archive)
	room.Mount(site)
}

// places are the portal's own menu, of the record that is open.
func places(v *pages.Visit) []pages.Item {
	id := v.R.PathValue("patient")
	if id == "" {
		return nil
	}
	at := v.Path(Path + "/" + id)
	return []pages.Item{
		{Name: "Summary", Address: at}, {Name: "My record", Address: at + "/record"}, {Name: "Results", Address: at + "/results"},
		{Name: "My apps", Address: at + "/apps"}, {Name: "Sharing choices", Address: at + "/sharing"},
		{Name: "Who looked", Address: at + "/looked"}, {Name: "Download", Address: at + "/file"},
	}
}
