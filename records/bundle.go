package records

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/watch/span"
)

// BundleOptions belong to Bundle.
type BundleOptions struct {
	Request
	Handling Handling
	// Operation answers entries that call an operation ($...) or ask for
	// metadata; nil refuses them. In a transaction only reading ones are
	// called, after the commit.
	Operation func(ctx context.Context, r EntryRequest) (EntryResult, error)
	// Reads says whether a POST to the URL of an operation changes nothing, as
	// that of one that does not exist; nil says so of none.
	Reads func(url string) bool

	answers *answers
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
	Status       int    // HTTP status; of a failed batch entry, 0: that of Err
	Location     string // relative: "Patient/1/_history/1"; "" when there is none
	Version      int64  // for the etag; 0 for none
	LastModified time.Time
	Method       string // of the request
	Key          fhir.Key
	Resource     *Resource
	ReadOf       []search.Pair // _summary and _elements of what Resource or History answers
	Search       *SearchResult
	SearchOf     SearchRequest // that Search answers, for its links
	History      *HistoryResult
	HistoryOf    HistoryRequest      // that History answers
	Body         []byte              // JSON of the resource that an Operation returned
	BodyRelease  definitions.Release // of Body; "" when it is the same in all
	BodyMixed    bool                // Body holds resources of several releases
	Issues       []fault.Issue       // notes
	Err          error               // why a batch entry failed, or nil
}

// BundleResult is the answer to a batch or transaction.
type BundleResult struct {
	Type    string // "batch-response" or "transaction-response"
	Entries []EntryResult
}

// Bundle processes a batch or transaction (R4 §3.1.0.11). A transaction is
// atomic: on error nothing of it stays, and the issues' paths begin with the
// entry at fault ("Bundle.entry[3]..."). A batch fails by entry; its entries
// run in the order of a transaction (DELETE, POST, PUT and PATCH, GET), those
// of one kind at the same time.
func (s *Session) Bundle(ctx context.Context, c Content, o BundleOptions) (*BundleResult, error) {
	ctx, pass := span.Start(ctx, "door bundle")
	defer pass.End()
	rel, tree, err := s.door.parse(c)
	if err != nil {
		return nil, err
	}
	root := tree.Root()
	if root.Type().Name != "Bundle" {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, root.Type().Name, "a Bundle is needed here, of type batch or transaction")
	}
	var nodes []fhir.Node
	for n := range root.All("entry") {
		nodes = append(nodes, n)
	}
	if len(nodes) > s.door.policy.MaxEntries {
		return nil, fault.New(fault.TooLarge, fault.CodeTooCostly, "Bundle.entry", "has %d entries; at most %d are taken at once: split the bundle", len(nodes), s.door.policy.MaxEntries)
	}
	switch kind := root.Child("type").Text(); kind {
	case "transaction":
		o.answers = &answers{max: s.door.policy.MaxAnswers}
		leave, err := s.door.room.enter(ctx, tree)
		if err != nil {
			return nil, s.door.fault(err)
		}
		defer leave()
		return s.transact(ctx, rel, nodes, o)
	case "batch":
		o.answers = &answers{max: s.door.policy.MaxAnswers}
		return s.batch(ctx, rel, nodes, o)
	default:
		return nil, fault.New(fault.Unprocessable, fault.CodeValue, "Bundle.type", "%q cannot be processed: it must be batch or transaction", kind)
	}
}

// operation hands an entry to the service.
func (e *entry) operation(ctx context.Context, o BundleOptions) (EntryResult, error) {
	if o.Operation == nil {
		return EntryResult{}, fault.New(fault.NotSupported, fault.CodeNotSupported, e.place()+".request.url", "operations are not available in a bundle")
	}
	r := EntryRequest{Index: e.index, Method: e.method, URL: e.url, Pairs: e.route.pairs}
	if !e.resource.IsZero() {
		r.Resource = e.resource.AppendJSON(nil)
	}
	res, err := o.Operation(ctx, r)
	res.Method = e.method
	return res, err
}
