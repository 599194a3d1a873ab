package fhirapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// tableTypes are the media types of tables.
var tableTypes = map[string]string{
	"ndjson": "application/x-ndjson; charset=utf-8",
	"json":   "application/json; charset=utf-8",
	"csv":    "text/csv; charset=utf-8",
}

// contentType is the media type of a table.
func (o tableOptions) contentType() string {
	switch {
	case o.format != "csv":
		return tableTypes[o.format]
	case o.header:
		return tableTypes[o.format] + "; header=present"
	}
	return tableTypes[o.format] + "; header=absent"
}

// tablePiece is how much of a table is gathered before it is sent. What goes
// wrong before the first piece is an ordinary error.
const tablePiece = 64 << 10

// writeTable answers with a table, piece by piece.
func (c *call) writeTable(table *records.Table, o tableOptions) error {
	h := c.w.Header()
	begun := false
	begin := func() {
		begun = true
		h.Set("Content-Type", o.contentType())
		h.Set("Cache-Control", c.cacheable())
	}
	gone := false
	b, err := appendTable(c.r.Context(), make([]byte, 0, tablePiece+4096), table, o, func(b []byte) ([]byte, error) {
		if len(b) < tablePiece {
			return b, nil
		}
		if !begun {
			begin()
		}
		_, err := c.w.Write(b)
		gone = err != nil
		return b[:0], err
	})
	switch {
	case gone:
		return nil
	case err != nil:
		return err
	case !begun:
		begin()
		h.Set("Content-Length", strconv.Itoa(len(b)))
		c.w.WriteHeader(http.StatusOK)
	}
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(b) // the client may be gone
	}
	return nil
}

// appendTable writes a table. After each row emit may take what is written so
// far; its error ends the table.
func appendTable(ctx context.Context, b []byte, table *records.Table, o tableOptions, emit func([]byte) ([]byte, error)) ([]byte, error) {
	switch {
	case o.format == "json":
		b = append(b, '[')
	case o.format == "csv" && o.header:
		b = table.AppendCSVHeader(b)
	}
	rows := 0
	for row, err := range table.Rows(ctx) {
		if err != nil {
			return nil, err
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
		if b, err = emit(b); err != nil {
			return nil, err
		}
	}
	if o.format == "json" {
		b = append(b, "]\n"...)
	}
	return b, nil
}

// maxEntryTable bounds a table in a batch, which has to be whole.
const maxEntryTable = 16 << 20

// tableEntry is $run in a batch: the answer is a Binary.
func (c *call) tableEntry(ctx context.Context, in *invocation) ([]byte, error) {
	table, o, err := c.table(ctx, in)
	if err != nil {
		return nil, err
	}
	b, err := appendTable(ctx, nil, table, o, func(b []byte) ([]byte, error) {
		if len(b) > maxEntryTable {
			return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "A table in a batch holds at most %s: bound it by _limit, or run $%s by itself, where it is streamed.", humanize.IBytes(maxEntryTable), in.Op)
		}
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	return binaryOf(o.contentType(), b)
}
