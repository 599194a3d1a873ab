package records

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// local reads a literal reference to a resource of this server: "Patient/1",
// "Patient/1/_history/2", or either below the server's own base URL.
func (d *Door) local(defs *definitions.Definitions, literal string) (key fhir.Key, version string, ok bool) {
	key, version, ok = fhir.LocalReference(literal, d.base)
	if !ok || !defs.IsResource(string(key.Type)) {
		return fhir.Key{}, "", false
	}
	return key, version, true
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
