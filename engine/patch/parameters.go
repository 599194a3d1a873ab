package patch

import (
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// ParseParameters reads a FHIRPath Patch.
func ParseParameters(t *fhir.Tree) (Patch, error) {
	return nil, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "FHIRPath Patch is not supported")
}
