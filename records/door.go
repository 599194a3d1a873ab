package records

import (
	"context"
	"log/slog"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Config is what a Door needs.
type Config struct {
	Name        string                     // of the tenant; "" for the default one
	Store       store.Store                // required; the Door closes it
	Definitions *definitions.Definitions   // required: the release of resources that name none
	Others      []*definitions.Definitions // further releases, each with another Release
	Base        string                     // public base URL without trailing slash: "https://ehr.example/fhir"
	Clock       func() time.Time           // nil: time.Now
	NewID       func() fhir.ID             // nil: UUIDv7
	Policy      Policy                     // DefaultPolicy() is a safe start
	Log         *slog.Logger               // nil: nothing is logged; never receives clinical data
}

// Door is the way to one tenant's records.
type Door struct {
	config Config
}

// Open makes a Door over an open store and takes the store over.
func Open(ctx context.Context, c Config) (*Door, error) {
	return &Door{config: c}, nil
}

// Close stops the change feed and closes the store.
func (d *Door) Close() error { return d.config.Store.Close() }

// Ping says whether the store answers and can be written.
func (d *Door) Ping(ctx context.Context) error { return d.config.Store.Ping(ctx) }

// Name is the tenant's name, "" for the default one.
func (d *Door) Name() string { return d.config.Name }

// Base is the public base URL without trailing slash.
func (d *Door) Base() string { return d.config.Base }

// Policy is the policy in force.
func (d *Door) Policy() Policy { return d.config.Policy }

// Definitions returns the tables of a release, "" for the primary one; nil
// when the release is not loaded.
func (d *Door) Definitions(r definitions.Release) *definitions.Definitions {
	return d.config.Definitions
}

// Session binds a principal and a filter that is part of every query; nil
// lets everything pass.
func (d *Door) Session(p Principal, filter search.Expr) *Session {
	return &Session{door: d, principal: p, filter: filter}
}

// Stats counts current resources by type.
func (d *Door) Stats(ctx context.Context) (map[fhir.Type]int64, error) {
	return d.config.Store.Stats(ctx)
}

// Principal is who acts.
type Principal struct {
	ID     string // user or system; "" when nobody is identified
	Client string // app that acts for the user
	Name   string // for display
}

// Session is what one principal may do. It is cheap to make, one a request.
type Session struct {
	door      *Door
	principal Principal
	filter    search.Expr
}

// Door returns the door that the session belongs to.
func (s *Session) Door() *Door { return s.door }

// Principal returns who acts.
func (s *Session) Principal() Principal { return s.principal }
