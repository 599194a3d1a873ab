package records

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// ReadOptions make a read conditional (R4 §3.1.0.2.1).
type ReadOptions struct {
	IfNoneMatch     []string // version ids the client has, or "*"
	IfModifiedSince time.Time
}

// Read returns the current version. When it is a delete, the error is Gone
// and the Resource tells the version. NotFound when there never was one, or
// the session may not see it.
func (s *Session) Read(ctx context.Context, key fhir.Key, o ReadOptions) (Resource, error) {
	return Resource{}, errUnready
}

// VRead returns one version. Gone, with the Resource's version, when that
// version is a delete.
func (s *Session) VRead(ctx context.Context, key fhir.Key, version string, o ReadOptions) (Resource, error) {
	return Resource{}, errUnready
}
