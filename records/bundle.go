package records

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// BundleOptions belong to Bundle.
type BundleOptions struct {
	Request
	Handling Handling
	// Operation answers entries that call an operation ($...) or ask for
	// metadata; nil refuses them. In a transaction only reading ones are
	// called, after the commit.
	Operation func(ctx context.Context, r EntryRequest) (EntryResult, error)
}

// EntryRequest is a Bundle.entry.request.
type EntryRequest struct {
	Index    int // of the entry
	Method   string
	URL      string // relative to the base
	Pairs    []search.Pair
	Resource []byte // JSON of entry.resource, or nil
}

// EntryResult is the answer to one entry. The service renders Resource as
// entry.resource if the client's Prefer asks for it (a read's always), and
// Search or History as a Bundle.
type EntryResult struct {
	Status       int    // HTTP status
	Location     string // relative: "Patient/1/_history/1"; "" when there is none
	Version      int64  // for the etag; 0 for none
	LastModified time.Time
	Method       string // of the request
	Key          fhir.Key
	Resource     *Resource
	Search       *SearchResult
	SearchOf     fhir.Type // type that Search was made in, for its links
	History      *HistoryResult
	Body         []byte        // JSON of the resource that an Operation returned
	Issues       []fault.Issue // outcome: errors of a failed batch entry, else warnings
}

// BundleResult is the answer to a batch or transaction.
type BundleResult struct {
	Type    string // "batch-response" or "transaction-response"
	Entries []EntryResult
}

// Bundle processes a batch or transaction (R4 §3.1.0.11). A transaction is
// atomic: on error nothing of it stays, and the issues' paths begin with the
// entry at fault ("Bundle.entry[3]..."). A batch fails by entry.
func (s *Session) Bundle(ctx context.Context, c Content, o BundleOptions) (*BundleResult, error) {
	return nil, errUnready
}
