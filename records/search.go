package records

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Handling is the Prefer: handling of a request.
type Handling uint8

// Handling of unknown search parameters.
const (
	HandlingDefault Handling = iota // as policy says
	HandlingStrict                  // they are errors
	HandlingLenient                 // they are ignored, and named in SearchResult.Ignored
)

// SearchRequest is one search.
type SearchRequest struct {
	Type        fhir.Type // "" searches all types
	Compartment *fhir.Key // "Patient/1": only what is in its compartment
	Pairs       []search.Pair
	After       string // Next of the page before; Pairs must be the same
	Handling    Handling
}

// SearchMode is Bundle.entry.search.mode.
type SearchMode string

// Search modes.
const (
	ModeMatch   SearchMode = "match"
	ModeInclude SearchMode = "include"
	ModeOutcome SearchMode = "outcome"
)

// SearchEntry is one resource of a page.
type SearchEntry struct {
	Resource
	Mode SearchMode
}

// SearchResult is one page.
type SearchResult struct {
	Entries  []SearchEntry // matches in order, then what they include
	Total    int64         // -1 when not asked for
	Self     []search.Pair // the parameters as understood, for the self link
	Next     string        // SearchRequest.After of the next page; "" on the last one
	Count    int           // page size in force; 0 for _summary=count
	Summary  search.Summary
	Elements []string
	Ignored  []search.Ignored
	Issues   []fault.Issue // what the client should know: ignored parameters, includes cut off
}

// Search returns one page of matches with what they include.
func (s *Session) Search(ctx context.Context, r SearchRequest) (*SearchResult, error) {
	return nil, errUnready
}
