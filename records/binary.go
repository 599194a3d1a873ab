package records

import (
	"context"
	"iter"

	"github.com/inglehealth/ingle/spec/fhir"
)

// BinaryContent is raw content with what a Binary says about it.
type BinaryContent struct {
	ContentType     string
	SecurityContext string // reference, or ""
	Content         iter.Seq2[[]byte, error]
	Size            int64 // of the whole content, however much Content gives; ignored on write
}

// CreateBinary stores raw content as a new Binary, streaming it into the
// store outside the row.
func (s *Session) CreateBinary(ctx context.Context, b BinaryContent, o CreateOptions) (Result, error) {
	return Result{}, errUnready
}

// UpdateBinary replaces or creates the Binary id with raw content.
func (s *Session) UpdateBinary(ctx context.Context, id fhir.ID, b BinaryContent, o UpdateOptions) (Result, error) {
	return Result{}, errUnready
}

// ReadBinary returns length bytes (-1: to the end) of a Binary's content from
// offset. The Resource has no JSON. RangeNotSatisfied, with Size set, when
// offset lies beyond the end. version "" means the current one.
func (s *Session) ReadBinary(ctx context.Context, id fhir.ID, version string, offset, length int64) (Resource, BinaryContent, error) {
	return Resource{}, BinaryContent{}, errUnready
}
