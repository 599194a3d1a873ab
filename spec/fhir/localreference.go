package fhir

import "strings"

// LocalReference reads a literal reference to a resource, or to a version of it, of the server
// with the FHIR base URL base, "" for one that is not known: "Patient/1", "Patient/1/_history/2",
// or either below the base, perhaps with a fragment (R4 §2.3.0.1). Whether there is such a type is
// not looked at.
func LocalReference(literal, base string) (key Key, version string, ok bool) {
	if base != "" {
		literal = strings.TrimPrefix(literal, base+"/")
	}
	literal, _, _ = strings.Cut(literal, "#")
	typ, rest, _ := strings.Cut(literal, "/")
	id, version, versioned := strings.Cut(rest, "/_history/")
	if typ == "" || !ID(id).Valid() || versioned && !ID(version).Valid() {
		return Key{}, "", false
	}
	return Key{Type: Type(typ), ID: ID(id)}, version, true
}
