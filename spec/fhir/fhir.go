// Package fhir is the resource as a tree: one schema-aware node tree over the
// bytes that were received, with codecs for JSON and XML.
//
// A Tree keeps the order of properties and the text of numbers, so what a
// client wrote is what it reads back. FHIRPath, validation, index extraction
// and patch all walk the same tree.
package fhir

import (
	"strings"
)

// Type is the name of a resource type ("Patient").
type Type string

// ID is a logical id: 1 to 64 characters of [A-Za-z0-9-.].
type ID string

// Valid says whether id is a FHIR id.
func (id ID) Valid() bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// Key names a resource within a tenant.
type Key struct {
	Type Type
	ID   ID
}

// String is the relative reference, "Patient/123".
func (k Key) String() string { return string(k.Type) + "/" + string(k.ID) }

// Compare orders keys by type, then id.
func (k Key) Compare(o Key) int {
	if c := strings.Compare(string(k.Type), string(o.Type)); c != 0 {
		return c
	}
	return strings.Compare(string(k.ID), string(o.ID))
}
