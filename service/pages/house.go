package pages

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Visitor is somebody who is signed in with a browser.
type Visitor struct {
	Session *identity.Session // with its User
	Token   string            // that the visitor's forms must send back
}

// Visitors is the authorization server, as pages see it. It is safe for concurrent
// use. The name of a tenant is "" for the default one.
type Visitors interface {
	// Tenant is what a tenant has; ok is false when there is none of that name.
	Tenant(name string) (door *records.Door, in *identity.Service, ok bool)
	// Visitor is who is signed in; nil for nobody.
	Visitor(r *http.Request, tenant string) (*Visitor, error)
	// SameOrigin refuses what was sent from a page of another origin.
	SameOrigin(r *http.Request) error
	// Records opens the session in which pages of a room show a visitor records:
	// people who work here under their roles and the patients' consents; others the
	// record of patient, which is theirs or that of somebody for whom they may act, and
	// Forbidden for any other.
	Records(ctx context.Context, tenant string, v *Visitor, room string, patient fhir.ID) (*records.Session, error)
	// Patients are those whose records are the visitor's own, or for whom the visitor
	// may act, the own ones first. For people who work here there are none.
	Patients(ctx context.Context, tenant string, v *Visitor) ([]fhir.ID, error)
	// BreakGlassFor breaks the glass for somebody who works here with a role for it, and a
	// patient, named by the id or by an identifier. NotFound when there is no such
	// patient, or the patient denies that as well.
	BreakGlassFor(ctx context.Context, tenant string, v *Visitor, patient, reason string) (records.Glass, error)
	// MendGlassFor ends that.
	MendGlassFor(ctx context.Context, tenant string, v *Visitor, patient fhir.ID) error
}

// House is what the rooms of a server share. Its fields are set before the first
// request.
type House struct {
	Visitors  Visitors         // required
	Clock     func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: slog.Default()
	Sandbox   bool             // the patients are synthetic, and everybody may sign in
	Entrances []Entrance       // of the menu
	Gate      *limits.Gate     // lets in those who ask for pages by turns; nil: all at once
	Done      <-chan struct{}  // closed when the server stops: answers that go on end; nil: never
}

// Entrance is a room in the menu.
type Entrance struct {
	Name, Path string
	Words      string          // what one does there, for the start page
	Roles      []identity.Role // who may enter; nil: everybody, also who is not signed in
	Places     []Place         // of the room's menu, for rooms that leave Room.Places nil
}

// Open says whether a user may enter; nil: nobody is signed in.
func (e Entrance) Open(u *identity.User) bool {
	return e.Roles == nil || u != nil && slices.ContainsFunc(e.Roles, u.Has)
}

// Room is a set of pages with a name.
type Room struct {
	Name  string // as its Entrance has it
	Path  string // "/clinic"
	House *House
	Pages []Page
	// Places are the room's own menu for a visitor; nil: those of its Entrance. Here is
	// set by the page.
	Places func(*Visit) []Item
}

// Page is one address and who may see it.
type Page struct {
	Pattern string          // below the room, with the method: "GET /patient/{id}"
	Roles   []identity.Role // who may see it; nil: whoever is signed in
	Public  bool            // who is not signed in may see it too
	Live    bool            // the answer is events, which are told as long as a page is open
	Serve   func(*Visit) error
}

// Mount serves the pages of a room for the default tenant and for others.
func (room Room) Mount(site *web.Site) {
	for _, p := range room.Pages {
		method, path, _ := cut(p.Pattern)
		handler := room.handler(p)
		site.Handle(method+" "+room.Path+path, handler)
		site.Handle(method+" /t/{tenant}"+room.Path+path, handler)
	}
}

// Mount serves what all rooms need: the start page, the shared files and the page of
// the design system.
func (h *House) Mount(site *web.Site) {
	shared.Mount(site)
	common := Room{House: h, Pages: []Page{
		{Pattern: "GET /{$}", Public: true, Serve: showStart},
		{Pattern: "GET /design", Public: true, Serve: showDesign},
	}}
	common.Mount(site)
	site.Lost = http.HandlerFunc(h.lost)
}

func (h *House) now() time.Time {
	if h.Clock != nil {
		return h.Clock()
	}
	return time.Now()
}

func (h *House) log() *slog.Logger {
	if h.Log != nil {
		return h.Log
	}
	return slog.Default()
}
