package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/service/bulk"
	"github.com/inglehealth/ingle/service/fhirapi"
)

// importFlags are about $import.
type importFlags struct {
	ImportAllow  []string      `placeholder:"HOST" help:"Host (files.example, .example for all below it), address or network that $import may fetch from although it is private, and over http as well."`
	ImportKeep   time.Duration `default:"24h" help:"How long the reports of imports are kept."`
	ImportSource []string      `placeholder:"URL=CLIENT" help:"FHIR base of another server whose exports take a token, and the client id that this server has there (SMART Backend Services). For imports of the default tenant alone; TENANT=URL=CLIENT is for those of another."`
	ImportKey    string        `placeholder:"FILE" help:"Private key (JWK) by which this server proves who it is to the sources. It is made if it is not there; FILE.public is the key set to register there."`
}

// imports has every tenant do what is ordered by $import until what it returns is
// called.
func (f *importFlags) imports(ctx context.Context, tenants *records.Tenants, sessions records.Sessions, tokens bool, log logger) (fhirapi.Mounted, func() error, error) {
	g := &guard.Guard{Hint: "whoever runs this server can allow it with --import-allow"}
	for _, text := range f.ImportAllow {
		place, err := guard.ParsePlace(text)
		if err != nil {
			return fhirapi.Mounted{}, nil, usage("--import-allow: %v", err)
		}
		g.Places = append(g.Places, place)
	}
	sources, err := f.sources(g, tenants.Names())
	if err != nil {
		return fhirapi.Mounted{}, nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	services := map[*records.Door]*intake.Service{}
	for _, name := range tenants.Names() {
		door, _ := tenants.Door(name)
		s := intake.New(intake.Config{Door: door, Sessions: sessions, Guard: g, Authorize: sources.of(name), Keep: f.ImportKeep, Log: log})
		services[door] = s
		working.Go(func() {
			if err := s.Work(ctx); err != nil {
				log.Error("imports ended", "tenant", name, "error", err)
			}
		})
	}
	imports := &bulk.Imports{Of: func(door *records.Door) *intake.Service { return services[door] }, Tokens: tokens}
	return fhirapi.Mounted{
			Name: bulk.ImportName, URL: bulk.ImportURL, Doc: bulk.ImportDoc, System: true, Below: true,
			Methods: []string{http.MethodGet, http.MethodPost, http.MethodDelete},
			Serve: func(w http.ResponseWriter, r *http.Request, at fhirapi.Place) error {
				return imports.Serve(w, r, at.Door, at.Session, at.Rest)
			},
		}, func() error {
			stop()
			working.Wait()
			return nil
		}, nil
}

var errNoKey = errors.New("--import-source needs --import-key FILE, by which this server proves who it is")
