package fhirapi

import (
	"archive/zip"
	"io"
	"net/http"
	"strconv"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func exportRecordOperation() *operation {
	return &operation{
		name: "export-record", url: "https://ingle.health/fhir/OperationDefinition/export-record",
		instance: true, types: []fhir.Type{"Patient"}, serve: (*call).exportRecord,
		doc: "The whole record of a Patient as a ZIP archive of NDJSON and the content of Binaries, as the caller may see it (parameter history).",
	}
}

// exportRecord performs $export-record. The archive is written while it is made; an
// error that comes later than its first part cuts the connection.
func (c *call) exportRecord() error {
	if err := c.only("history"); err != nil {
		return err
	}
	history := false
	if text, given := c.value("history"); given {
		var err error
		if history, err = strconv.ParseBool(text); err != nil {
			return fault.New(fault.Invalid, fault.CodeValue, "", "history is true or false, not %q.", fault.Shorten(text))
		}
	}
	var archive *zip.Writer
	export, err := c.session.ExportRecord(c.r.Context(), records.RecordExportRequest{
		Patient: c.ID, History: history,
		Create: func(name string) (io.Writer, error) {
			if archive == nil {
				h := c.w.Header()
				h.Set("Content-Type", "application/zip")
				h.Set("Content-Disposition", `attachment; filename="Patient-`+string(c.ID)+`.zip"`)
				h.Set("Cache-Control", c.cacheable())
				c.w.WriteHeader(http.StatusOK)
				archive = zip.NewWriter(c.w)
			}
			return archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: c.api.config.Clock()})
		},
	})
	if err != nil {
		return err
	}
	c.resources += export.Resources()
	return archive.Close()
}
