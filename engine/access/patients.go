package access

import (
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Patients are those to whom a resource belongs.
func (o *Ownership) Patients(doc *search.Document) []fhir.ID {
	params, self := o.governing([]string{string(doc.Key.Type)})
	var all []fhir.ID
	if self {
		all = append(all, doc.Key.ID)
	}
	for _, e := range doc.Entries {
		if e.RefType == patientType && slices.Contains(params, e.Param) && !slices.Contains(all, fhir.ID(e.RefID)) {
			all = append(all, fhir.ID(e.RefID))
		}
	}
	return all
}
