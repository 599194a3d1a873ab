package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// patient exports the record of one patient to a file, which is there when it is
// whole, and its event recorded.
func (c *exportCommand) patient(ctx context.Context, m *Main, tenants *openTenants) (err error) {
	id := fhir.ID(c.Patient)
	if !id.Valid() || len(c.Type) > 0 || c.Since != "" || c.Gzip {
		return usage("--patient takes an id like maria, and neither --type, --since nor --gzip")
	}
	if _, err := os.Stat(c.To); !errors.Is(err, fs.ErrNotExist) {
		return usage("--to %s is there already: give another name", c.To)
	}
	part := c.To + ".part"
	file, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	archive := zip.NewWriter(file)
	door, trail := c.named(tenants), &audit.Trail{}
	trail.Ask(fhir.Key{Type: "Patient", ID: id})
	export, err := operator(door).ExportRecord(audit.WithTrail(ctx, trail), records.RecordExportRequest{
		Patient: id, History: c.History,
		Create: func(name string) (io.Writer, error) { return archive.Create(name) },
	})
	if err == nil {
		err = errors.Join(archive.Close(), file.Sync())
	}
	event := commandEvent(audit.Export, "export --patient", nil, err)
	trail.Tell(event)
	if err = errors.Join(err, file.Close(), tenants.record(ctx, event, door.Name())); err != nil {
		return err
	}
	if err := os.Rename(part, c.To); err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "%s: %d resources in %d files; manifest.json tells what they hold\n", c.To, export.Resources(), len(export.Files))
	return nil
}
