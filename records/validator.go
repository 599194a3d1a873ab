package records

import (
	"context"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// validator is what a write asks about a resource.
type validator interface {
	// Validate returns the issues of a resource against the base definitions
	// and the given profiles.
	Validate(ctx context.Context, t *fhir.Tree, profiles []string) []fault.Issue
}

// newValidator returns nil: the parser's checks are all there are.
func newValidator(*definitions.Definitions) validator { return nil }
