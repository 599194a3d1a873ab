package records

import (
	"context"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Loaded says what became of one resource that Load was given.
type Loaded struct {
	Key     fhir.Key
	Version int64
	// Matched: the same content was there already, nothing was written.
	Matched bool
	Err     *fault.Error // why it was refused, or nil
}

// LoadOptions belong to Load.
type LoadOptions struct {
	Request
}

// Load stores many single resources fast, as an update under the id they
// have, or as a create when they have none. Conditional references are
// resolved. Each is accepted or refused by itself; the answer has one Loaded
// per content, in order. The error is for failures of the store.
func (s *Session) Load(ctx context.Context, contents []Content, o LoadOptions) ([]Loaded, error) {
	return nil, errUnready
}

// Flush makes everything that was written with Bulk durable.
func (d *Door) Flush(ctx context.Context) error { return d.config.Store.Flush(ctx) }
