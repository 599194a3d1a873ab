package records

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// local reads a literal reference to a resource of this server: "Patient/1",
// "Patient/1/_history/2", or either below the server's own base URL.
func (d *Door) local(defs *definitions.Definitions, literal string) (key fhir.Key, version string, ok bool) {
	if d.base != "" && strings.HasPrefix(literal, d.base) {
		rest, below := strings.CutPrefix(literal[len(d.base):], "/")
		if !below {
			return key, "", false
		}
		literal = rest
	}
	return relative(defs, literal)
}

// relative reads "Patient/1" or "Patient/1/_history/2", perhaps with a
// fragment.
func relative(defs *definitions.Definitions, literal string) (key fhir.Key, version string, ok bool) {
	literal, _, _ = strings.Cut(literal, "#")
	typ, rest, found := strings.Cut(literal, "/")
	if !found {
		return key, "", false
	}
	id, tail, found := strings.Cut(rest, "/")
	if found {
		if version, found = strings.CutPrefix(tail, "_history/"); !found || !fhir.ID(version).Valid() {
			return key, "", false
		}
	}
	if !fhir.ID(id).Valid() || !defs.IsResource(typ) {
		return key, "", false
	}
	return fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, version, true
}

// external says whether a literal points out of this server on purpose: an
// absolute URL, a URN, or a fragment.
func external(literal string) bool {
	return strings.HasPrefix(literal, "#") || strings.HasPrefix(literal, "urn:") || strings.Contains(literal, "://") ||
		strings.HasPrefix(literal, "mailto:") || strings.HasPrefix(literal, "data:")
}

// splitCondition reads a conditional reference: "Practitioner?identifier=1".
func splitCondition(defs *definitions.Definitions, literal string) (t fhir.Type, criteria string, ok bool) {
	typ, criteria, ok := strings.Cut(literal, "?")
	return fhir.Type(typ), criteria, ok && defs.IsResource(typ)
}
