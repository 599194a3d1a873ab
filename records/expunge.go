package records

import (
	"context"

	"github.com/inglehealth/ingle/spec/fhir"
)

// ExpungeRequest says what $expunge removes for good.
type ExpungeRequest struct {
	Key         fhir.Key // ID "": the type; both "": everything
	OldVersions bool
	Deleted     bool
	Everything  bool
	Limit       int
}

// Expunge removes versions for good and returns how many. Forbidden unless
// policy enables it.
func (s *Session) Expunge(ctx context.Context, r ExpungeRequest) (int64, error) {
	return 0, errUnready
}
