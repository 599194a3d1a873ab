package records

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// HistoryRequest selects versions: of one resource (Type and ID), of a type,
// or of all.
type HistoryRequest struct {
	Type  fhir.Type
	ID    fhir.ID
	Since time.Time // zero: from the start
	At    time.Time // zero, or: only what was current at that time
	Count int       // 0: as policy says
	After string    // Next of the page before
}

// HistoryResult is one page of versions, newest first. Deletes have no JSON.
type HistoryResult struct {
	Entries []Resource
	Total   int64
	Next    string
	Count   int // page size in force
}

// History returns one page of versions. For an instance that never was, the
// error is NotFound.
func (s *Session) History(ctx context.Context, r HistoryRequest) (*HistoryResult, error) {
	return nil, errUnready
}
