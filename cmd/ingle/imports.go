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
	ImportSource []string      `placeholder:"[TENANT=]URL=CLIENT" help:"FHIR base of another server whose exports take a token, and the client id that this server has there (SMART Backend Services). For imports of the default tenant, or of TENANT."`
	ImportKey    string        `placeholder:"FILE" help:"Private key (JWK) by which this server proves who it is to the sources. It is made if it is not there; FILE.public is the key set to register there."`
}

// intakes do in every tenant what is ordered by $import.
type intakes struct {
	config  intake.Config // but for what is a tenant's own
	sources *importSources

	mu       sync.RWMutex
	services map[*records.Door]*intake.Service
}

// imports does so until the function that it returns is called. known are the tenants that there
// can be.
func (f *importFlags) imports(ctx context.Context, tenants *records.Tenants, known []string, sessions records.Sessions, tokens bool, log logger) (*intakes, fhirapi.Mounted, func() error, error) {
	g := &guard.Guard{Hint: "whoever runs this server can allow it with --import-allow"}
	for _, text := range f.ImportAllow {
		place, err := guard.ParsePlace(text)
		if err != nil {
			return nil, fhirapi.Mounted{}, nil, usage("--import-allow: %v", err)
		}
		g.Places = append(g.Places, place)
	}
	sources, err := f.sources(g, known)
	if err != nil {
		return nil, fhirapi.Mounted{}, nil, err
	}
	i := &intakes{
		config:  intake.Config{Sessions: sessions, Guard: g, Keep: f.ImportKeep, Log: log},
		sources: sources, services: map[*records.Door]*intake.Service{},
	}
	var stops []func() error
	for _, name := range tenants.Names() {
		door, _ := tenants.Door(name)
		stops = append(stops, i.add(ctx, door))
	}
	served := &bulk.Imports{Of: i.of, Tokens: tokens}
	return i, fhirapi.Mounted{
			Name: bulk.ImportName, URL: bulk.ImportURL, Doc: bulk.ImportDoc, System: true, Below: true,
			Methods: []string{http.MethodGet, http.MethodPost, http.MethodDelete},
			Serve: func(w http.ResponseWriter, r *http.Request, at fhirapi.Place) error {
				return served.Serve(w, r, at.Door, at.Session, at.Rest)
			},
		}, func() error {
			return together(stops)
		}, nil
}

// add does what is ordered of one tenant until what it returns is called.
func (i *intakes) add(ctx context.Context, door *records.Door) (stop func() error) {
	c := i.config
	c.Door, c.Authorize = door, i.sources.of(door.Name())
	s := intake.New(c)
	i.mu.Lock()
	i.services[door] = s
	i.mu.Unlock()
	end := work(ctx, "imports", c.Log.With("tenant", door.Name()), s.Work)
	return func() error {
		err := end()
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.services, door)
		return err
	}
}

func (i *intakes) of(door *records.Door) *intake.Service {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.services[door]
}

var errNoKey = errors.New("--import-source needs --import-key FILE, by which this server proves who it is")
