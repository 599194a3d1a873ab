package view

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/inglehealth/ingle/engine/fhirpath"
)

// AppendJSON writes a row as a JSON object with the columns in order, null
// where there is no value.
func (v *View) AppendJSON(dst []byte, row Row) []byte {
	dst = append(dst, '{')
	for i, c := range v.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, c.Name...)
		dst = append(dst, '"', ':')
		dst = c.appendCell(dst, row[i])
	}
	return append(dst, '}')
}

// AppendCSVHeader writes the names of the columns as a line of CSV.
func (v *View) AppendCSVHeader(dst []byte) []byte {
	for i, c := range v.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c.Name...)
	}
	return append(dst, "\r\n"...)
}

// AppendCSV writes a row as a line of CSV (RFC 4180): nothing for null, the
// text of a primitive value, and JSON for lists and elements. An empty text
// is quoted, which tells it from null.
func (v *View) AppendCSV(dst []byte, row Row) []byte {
	for i, c := range v.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		if row[i] == nil {
			continue
		}
		if c.Collection || c.kind == structured {
			dst = appendField(dst, string(c.appendCell(nil, row[i])))
		} else {
			dst = appendField(dst, text(row[i][0]))
		}
	}
	return append(dst, "\r\n"...)
}

func appendField(dst []byte, s string) []byte {
	if s != "" && !strings.ContainsAny(s, ",\"\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(s, `"`, `""`)...)
	return append(dst, '"')
}

func (c *Column) appendCell(dst []byte, cell fhirpath.Collection) []byte {
	if cell == nil {
		return append(dst, "null"...)
	}
	if !c.Collection {
		return c.appendValue(dst, cell[0])
	}
	dst = append(dst, '[')
	for i, v := range cell {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.appendValue(dst, v)
	}
	return append(dst, ']')
}

func (c *Column) appendValue(dst []byte, v fhirpath.Value) []byte {
	n, isNode := v.Node()
	if c.kind == structured {
		return n.AppendJSON(dst)
	}
	bare := c.kind == boolean || c.kind == integral || c.kind == numeric
	if c.kind == anyPrimitive {
		if isNode {
			return n.AppendJSON(dst)
		}
		switch v.Kind() {
		case fhirpath.KindBoolean, fhirpath.KindInteger, fhirpath.KindLong, fhirpath.KindDecimal:
			bare = true
		}
	}
	if bare {
		return append(dst, text(v)...)
	}
	dst, _ = jsontext.AppendQuote(dst, text(v)) // only bad UTF-8 is an error, and was refused
	return dst
}

// text is a primitive value as it was written; of a computed one, as
// toString() has it.
func text(v fhirpath.Value) string {
	if n, ok := v.Node(); ok {
		return n.Text()
	}
	return v.String()
}
