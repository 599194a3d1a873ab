package main

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/internal/s3"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/service/bulk"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/spec/fhir"
)

// exportFlags say where the files of bulk exports are kept, and how long.
type exportFlags struct {
	exportPlaceFlags
	ExportKeep time.Duration `default:"24h" help:"How long the files of a bulk export are kept when it is done."`
	ExportPart string        `default:"64MiB" help:"How large a file of a bulk export becomes before the next one is begun."`
}

// exportPlaceFlags say where they are.
type exportPlaceFlags struct {
	ExportTo   string `placeholder:"DIR" help:"Where files of bulk exports are kept: a folder, which several servers on one database share, or s3://BUCKET/PREFIX in S3-compatible storage, with the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Without it exports in the folder of the records."`
	S3Endpoint string `name:"s3-endpoint" placeholder:"URL" help:"Where that storage is; without it Amazon's in the region."`
	S3Region   string `name:"s3-region" default:"us-east-1" help:"Its region."`
}

// bulk makes the server of bulk exports. sessions are of those for whom they are.
func (c *serveCommand) bulk(tenants *records.Tenants, sessions records.Sessions, log logger) (*bulk.Server, error) {
	part, err := humanize.ParseBytes(c.ExportPart)
	if err != nil || part == 0 || part > math.MaxInt64 {
		return nil, usage("--export-part %s is not a size: it looks like 64MiB", c.ExportPart)
	}
	files, err := c.exportFiles(c.folder())
	if err != nil {
		return nil, err
	}
	return bulk.New(bulk.Config{
		Tenants: tenants, Sessions: sessions, Keep: c.ExportKeep, Part: int64(part), Open: c.Open, Log: log, Files: files,
	}), nil
}

// exportFiles says where the exports of a tenant are kept.
func (f *exportPlaceFlags) exportFiles(records string) (func(tenant string) bulkjob.Files, error) {
	of := func(tenant string) string { return cmp.Or(tenant, "_") } // which no tenant can be called
	place, remote := strings.CutPrefix(f.ExportTo, "s3://")
	if !remote {
		folder := cmp.Or(f.ExportTo, filepath.Join(records, "exports"))
		return func(tenant string) bulkjob.Files { return bulkjob.Folder(filepath.Join(folder, of(tenant))) }, nil
	}
	bucket, prefix, _ := strings.Cut(place, "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	client, err := s3.New(s3.Config{
		Endpoint: cmp.Or(f.S3Endpoint, "https://s3."+f.S3Region+".amazonaws.com"), Region: f.S3Region, Bucket: bucket,
		Key: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"),
	})
	if err != nil {
		return nil, usage("--export-to %s: %v", f.ExportTo, err)
	}
	return func(tenant string) bulkjob.Files {
		return &bulkjob.Bucket{Client: client, Prefix: prefix + of(tenant) + "/"}
	}, nil
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

// together calls all of some functions at once, and waits for them.
func together(all []func() error) error {
	errs := make([]error, len(all))
	var working sync.WaitGroup
	for i, f := range all {
		working.Go(func() { errs[i] = f() })
	}
	working.Wait()
	return errors.Join(errs...)
}
