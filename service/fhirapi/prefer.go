package fhirapi

import (
	"strings"

	"github.com/inglehealth/ingle/records"
)

// returning is what the client wants back from a write (R4 §3.1.0.1.10).
type returning uint8

const (
	returnRepresentation returning = iota // also when nothing is said
	returnMinimal
	returnOutcome
)

// preferences are those of the Prefer header (RFC 7240) that mean something
// here; the others are ignored, as the header demands.
type preferences struct {
	returning returning
	handling  records.Handling
}

func parsePrefer(headers []string) preferences {
	var p preferences
	for _, header := range headers {
		for item := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ',' || r == ';' }) {
			name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "return":
				switch {
				case strings.EqualFold(value, "minimal"):
					p.returning = returnMinimal
				case strings.EqualFold(value, "representation"):
					p.returning = returnRepresentation
				case strings.EqualFold(value, "OperationOutcome"):
					p.returning = returnOutcome
				}
			case "handling":
				switch {
				case strings.EqualFold(value, "strict"):
					p.handling = records.HandlingStrict
				case strings.EqualFold(value, "lenient"):
					p.handling = records.HandlingLenient
				}
			}
		}
	}
	return p
}
