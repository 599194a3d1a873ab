package search

import "github.com/inglehealth/ingle/spec/definitions"

// OtherReference is the parameter under which references are indexed that no
// search parameter covers: those in extensions, in contained resources, in
// attachments, and in elements without a parameter. No client can ask for it.
// Without it a delete would not see who still refers to a resource, nor
// $everything what belongs to a record, nor access whose a Binary is.
const OtherReference = "_reference"

// NamedReference is the one under which the references are indexed instead by which a
// Consent says what it is about, and that no search parameter covers.
const NamedReference = "_named"

// OtherReferenceOf is that parameter of a type.
func OtherReferenceOf(typeName string) Param {
	return Param{Type: typeName, Code: OtherReference, Kind: definitions.SearchReference}
}
