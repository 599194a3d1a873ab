package records

import (
	"net/url"
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

// pointed reads what one of fhir.Node.Pointers points to here, as local does. What is no
// Reference is an address: it may have a query, begin with the path of the server, and name
// the host in any case, with a default port and by either scheme.
func (d *Door) pointed(defs *definitions.Definitions, n fhir.Node) (key fhir.Key, version string, ok bool) {
	if key, version, ok = d.local(defs, n.Text()); ok || n.Name() == "reference" {
		return key, version, ok
	}
	link, err := url.Parse(n.Text())
	if err != nil {
		return fhir.Key{}, "", false
	}
	link = d.address.ResolveReference(link)
	path, below := strings.CutPrefix(link.Path, d.address.Path)
	if !below || host(link) != host(d.address) {
		return fhir.Key{}, "", false
	}
	return d.local(defs, path)
}

// host is that of an address with its port, unless that is the default.
func host(address *url.URL) string {
	name := strings.ToLower(address.Host)
	switch address.Scheme {
	case "http":
		name = strings.TrimSuffix(name, ":80")
	case "https":
		name = strings.TrimSuffix(name, ":443")
	}
	return name
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
