package records

import (
	"context"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// ValidateRequest is a $validate call.
type ValidateRequest struct {
	Type     fhir.Type
	ID       fhir.ID  // instance level: for mode update and delete, or to validate what is stored
	Content  *Content // nil: the stored resource
	Mode     string   // "", create, update, delete, profile
	Profiles []string
}

// Validate returns every issue found, worst first; none means valid. An
// unreadable resource gives issues, too. The error is for requests that
// cannot be answered.
func (s *Session) Validate(ctx context.Context, r ValidateRequest) ([]fault.Issue, error) {
	return nil, errUnready
}
