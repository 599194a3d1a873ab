package validate

import (
	"context"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Terms lets FHIRPath ask a terminology catalog: memberOf and subsumes. The
// operations of %terminologies have no answer.
func Terms(c *terminology.Catalog) fhirpath.Terminology { return terms{c} }

type terms struct{ catalog *terminology.Catalog }

// MemberOf says whether one of the concepts is in the value set; what cannot
// be told counts as not known.
func (t terms) MemberOf(_ context.Context, valueSet string, concepts []fhirpath.Concept) (member, ok bool, err error) {
	set := t.catalog.Set(valueSet)
	if set == nil {
		return false, false, nil
	}
	ok = true
	for _, c := range concepts {
		answer := set.HasCode(c.Code)
		if c.System != "" {
			answer = set.Has(c.System, c.Code)
		}
		switch answer {
		case terminology.Yes:
			return true, true, nil
		case terminology.Unknown:
			ok = false
		}
	}
	return false, ok, nil
}

// Subsumes compares two codes of a system.
func (t terms) Subsumes(_ context.Context, system, codeA, codeB string) (string, error) {
	return t.catalog.Subsumes(system, codeA, codeB), nil
}

// Operation has no answer.
func (t terms) Operation(context.Context, fhirpath.TerminologyCall) (fhir.Node, error) {
	return fhir.Node{}, nil
}
