package fhirapi

import (
	"net/http"
	"strconv"

	"github.com/inglehealth/ingle/records"
)

// tableTypes are the media types of tables.
var tableTypes = map[string]string{
	"ndjson": "application/x-ndjson; charset=utf-8",
	"json":   "application/json; charset=utf-8",
	"csv":    "text/csv; charset=utf-8",
}

// tablePiece is how much of a table is gathered before it is sent. What goes
// wrong before the first piece is an ordinary error.
const tablePiece = 64 << 10

// writeTable answers with a table, piece by piece.
func (c *call) writeTable(table *records.Table, o tableOptions) error {
	h := c.w.Header()
	b := make([]byte, 0, tablePiece+4096)
	begun := false
	begin := func() {
		begun = true
		contentType := tableTypes[o.format]
		if o.format == "csv" {
			contentType += "; header=absent"
			if o.header {
				contentType = tableTypes[o.format] + "; header=present"
			}
		}
		h.Set("Content-Type", contentType)
		h.Set("Cache-Control", c.cacheable())
	}
	switch {
	case o.format == "json":
		b = append(b, '[')
	case o.format == "csv" && o.header:
		b = table.AppendCSVHeader(b)
	}
	rows := 0
	for row, err := range table.Rows(c.r.Context()) {
		if err != nil {
			return err
		}
		switch {
		case o.format == "csv":
			b = table.AppendCSV(b, row)
		case o.format == "ndjson":
			b = append(table.AppendJSON(b, row), '\n')
		case rows > 0:
			b = table.AppendJSON(append(b, ",\n"...), row)
		default:
			b = table.AppendJSON(b, row)
		}
		if rows++; rows == o.limit {
			break
		}
		if len(b) < tablePiece {
			continue
		}
		if !begun {
			begin()
		}
		if _, err := c.w.Write(b); err != nil {
			return nil //nolint:nilerr // the client is gone
		}
		b = b[:0]
	}
	if o.format == "json" {
		b = append(b, "]\n"...)
	}
	if !begun {
		begin()
		h.Set("Content-Length", strconv.Itoa(len(b)))
		c.w.WriteHeader(http.StatusOK)
	}
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(b) // the client may be gone
	}
	return nil
}
