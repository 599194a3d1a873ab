package search

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// A Document is what the in-memory matcher sees of a resource.
type Document struct {
	Key     fhir.Key
	Updated time.Time
	Entries []Entry
}

// A Source gives Match the other resources that Chain and Has ask for.
type Source interface {
	// Get returns the current resource of that key, or nil.
	Get(ctx context.Context, key fhir.Key) (*Document, error)
	// Referrers returns the current resources of a type that have an entry of
	// param pointing to key.
	Referrers(ctx context.Context, source string, param Param, key fhir.Key) ([]*Document, error)
}
