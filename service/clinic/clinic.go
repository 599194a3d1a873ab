// Package clinic is the room where people who treat patients work: find a patient,
// read the chart, add to it, launch apps in it.
//
// Everything shown comes through the visitor's own session with the records, under
// the roles of the visitor and the consents of the patient. Apps are launched as SMART
// App Launch 2.2 §2.0.7 says.
package clinic

import (
	"embed"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
)

// Name and Path are those of the room in the menu.
const (
	Name = "Clinic"
	Path = "/clinic"
)

// Roles are who may enter. What they see there their access roles say.
func Roles() []identity.Role {
	return []identity.Role{identity.Practitioner, identity.Nurse, identity.FrontDesk}
}

//go:embed page/*.html
var pageFiles embed.FS

//go:embed asset/*
var assetFiles embed.FS

var assets = pages.MakeAssets(assetFiles, "asset")

// Clinic serves the pages. It is safe for concurrent use.
type Clinic struct {
	house   *pages.House
	streams streams
	asking  *http.Client // asks apps whether they can be shown
}

// New makes the clinic of a house.
func New(house *pages.House) *Clinic {
	return &Clinic{house: house, asking: &http.Client{
		Timeout:       askFor,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// askFor is how long an app has to answer whether it can be shown.
const askFor = 3 * time.Second

// Mount serves the pages for every tenant.
func (c *Clinic) Mount(site *web.Site) {
	assets.Mount(site)
	of := func(serve func(*chart) error) func(*pages.Visit) error { return c.within(serve) }
	room := pages.Room{Name: Name, Path: Path, House: c.house, Pages: []pages.Page{
		{Pattern: "GET ", Serve: showFind},
		{Pattern: "GET /find", Serve: propose},
		{Pattern: "GET /emergency", Serve: showEmergency},
		{Pattern: "POST /emergency", Serve: breakGlass},
		{Pattern: "GET /patient/{id}", Serve: of(showSummary)},
		{Pattern: "GET /patient/{id}/results", Serve: of(showResults)},
		{Pattern: "GET /patient/{id}/trend", Serve: of(showTrend)},
		{Pattern: "GET /patient/{id}/timeline", Serve: of(showTimeline)},
		{Pattern: "GET /patient/{id}/list/{list}", Serve: of(showList)},
		{Pattern: "GET /patient/{id}/document/{document}", Serve: of(showDocument)},
		{Pattern: "GET /patient/{id}/report/{report}", Serve: of(showReport)},
		{Pattern: "GET /patient/{id}/live", Serve: of(c.live), Live: true},
		{Pattern: "GET /patient/{id}/add/{kind}", Serve: of(showAdd)},
		{Pattern: "POST /patient/{id}/add/{kind}", Serve: of(add)},
		{Pattern: "GET /patient/{id}/glass", Serve: of(showGlass)},
		{Pattern: "POST /patient/{id}/glass", Serve: of(mendGlass)},
		{Pattern: "GET /patient/{id}/apps", Serve: of(showApps)},
		{Pattern: "POST /patient/{id}/launch", Serve: of(c.launch)},
		{Pattern: "GET /patient/{id}/app/{app}", Serve: of(c.showApp)},
	}}
	for i := range room.Pages {
		room.Pages[i].Roles = Roles()
	}
	room.Mount(site)
}
