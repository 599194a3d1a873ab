package main

import (
	"context"
	"math"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/service/bulk"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/spec/fhir"
)

// exportFlags say where the files of bulk exports are kept, and how long.
type exportFlags struct {
	ExportTo   string        `placeholder:"DIR" help:"Where files of bulk exports are kept: a folder, which several servers on one database share. Without it exports in the folder of the records."`
	ExportKeep time.Duration `default:"24h" help:"How long the files of a bulk export are kept when it is done."`
	ExportPart string        `default:"64MiB" help:"How large a file of a bulk export becomes before the next one is begun."`
}

// bulk makes the server of bulk exports. sessions are of those for whom they are.
func (c *serveCommand) bulk(tenants *records.Tenants, sessions records.Sessions, log logger) (*bulk.Server, error) {
	part, err := humanize.ParseBytes(c.ExportPart)
	if err != nil || part == 0 || part > math.MaxInt64 {
		return nil, usage("--export-part %s is not a size: it looks like 64MiB", c.ExportPart)
	}
	folder := c.ExportTo
	if folder == "" {
		folder = filepath.Join(c.folder(), "exports")
	}
	return bulk.New(bulk.Config{
		Tenants: tenants, Sessions: sessions, Keep: c.ExportKeep, Part: int64(part), Open: c.Open, Log: log,
		Files: func(tenant string) bulkjob.Files {
			if tenant == "" { // which no tenant can be called
				tenant = "_"
			}
			return bulkjob.Folder(filepath.Join(folder, tenant))
		},
	}), nil
}

const bulkCanonical = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"

// exportOperation mounts a server of bulk exports below a FHIR base.
func exportOperation(s *bulk.Server) fhirapi.Mounted {
	return fhirapi.Mounted{
		Name: bulk.Operation, URL: bulkCanonical + "export", System: true, Typed: true, Instance: true, Below: true,
		Types: []fhir.Type{"", "Patient", "Group"}, Methods: []string{http.MethodGet, http.MethodPost, http.MethodDelete},
		Doc: "Exports the records to files of NDJSON, for who asks with system/ scopes and 'Prefer: respond-async' (Bulk Data Access).",
		Serve: func(w http.ResponseWriter, r *http.Request, at fhirapi.Place) error {
			return s.Serve(w, r, bulk.Place(at))
		},
		Listed: []fhirapi.Listed{
			{Name: "export", URL: bulkCanonical + "export"},
			{Name: "patient-export", URL: bulkCanonical + "patient-export"},
			{Name: "group-export", URL: bulkCanonical + "group-export"},
			{Type: "Patient", Name: "export", URL: bulkCanonical + "patient-export"},
			{Type: "Group", Name: "export", URL: bulkCanonical + "group-export"},
		},
		Instantiates: "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data",
	}
}

// work runs what works until it is stopped, in the background.
func work(ctx context.Context, name string, log logger, run func(context.Context) error) (stop func() error) {
	ctx, end := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() {
		if err := run(ctx); err != nil {
			log.Error("background work ended", "work", name, "error", err)
		}
	})
	return func() error {
		end()
		working.Wait()
		return nil
	}
}
