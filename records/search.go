package records

import (
	"context"
	"fmt"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
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
	Partial     bool                // parameters whose index is incomplete are answered from what there is, with a note
	Release     definitions.Release // whose parameters; "": as Door.ReleaseOf has it
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
	// Fragment is the id of a contained resource whose JSON this is, in the
	// Resource of that key; "" for a whole resource.
	Fragment string
	// Distance is how far the resource lies from where near looks, in metres;
	// nil when the search does not ask for that.
	Distance *float64
}

// SearchResult is one page.
type SearchResult struct {
	Entries  []SearchEntry // matches in order, then what they include
	Total    int64         // -1 when not asked for and not known anyway
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
	ctx, pass := span.Start(ctx, "door search")
	defer pass.End()
	return s.search(ctx, s.door.store, r)
}

func (s *Session) search(ctx context.Context, r store.Reader, req SearchRequest) (*SearchResult, error) {
	d := s.door
	if s.searchesAudit(req) {
		return s.searchAudit(ctx, req)
	}
	if err := s.may(req.Type, smart.Search); err != nil {
		return nil, err
	}
	q, rel, err := s.query(ctx, req)
	if err != nil {
		return nil, err
	}
	for _, t := range q.Types {
		if err := s.may(fhir.Type(t), smart.Search); err != nil {
			return nil, err
		}
	}
	if req.Compartment != nil {
		if err := rel.confine(q, *req.Compartment); err != nil {
			return nil, err
		}
		if err := s.queries(q); err != nil {
			return nil, err
		}
	}
	if q.After, err = d.cursors.open(req.After); err != nil {
		return nil, d.fault(err)
	}
	r, notes, err := s.admit(ctx, r, q, req)
	if err != nil {
		return nil, d.fault(err)
	}
	result := &SearchResult{
		Total: -1, Self: q.Applied, Count: q.Count, Summary: q.Summary, Elements: q.Elements, Ignored: q.Ignored,
		Issues: append(ignoredIssues(q.Ignored), notes...),
	}
	if req.Partial {
		result.Self = append(result.Self, search.Pair{Name: "_indexing", Value: "partial"})
	}
	q.Asked, q.Bound = q.Filter, true
	q.Filter = s.veil(q.Filter)
	if q.Contained != search.ContainedFalse {
		if err := s.spendFor(ctx, q); err != nil {
			return nil, d.fault(err)
		}
		return result, d.fault(s.searchContained(ctx, r, q, result))
	}
	q.Filter, q.Bytes = s.only(q.Types, smart.Search, q.Filter), d.pageBytes()
	if err := s.spendFor(ctx, q); err != nil {
		return nil, d.fault(err)
	}
	if q.Summary == search.SummaryCount || q.Count == 0 {
		result.Count = 0
		result.Total, err = r.Count(ctx, q)
		return result, d.fault(err)
	}
	page, err := r.Search(ctx, q)
	if err != nil {
		return nil, d.fault(err)
	}
	audit.TrailOf(ctx).Mark(page.Marks...)
	result.Total, result.Next = page.Total, d.cursors.seal(page.Next)
	if page.Total < 0 && req.After == "" && page.Next == "" {
		result.Total = int64(len(page.Records)) // all are here
	}
	result.Entries = make([]SearchEntry, 0, len(page.Records))
	for _, record := range page.Records {
		if err := s.append(ctx, result, record, ModeMatch); err != nil {
			return nil, err
		}
	}
	if search.AsksDistance(q.Filter) {
		if err := d.measure(ctx, q, page.Records, result.Entries); err != nil {
			return nil, err
		}
	}
	if len(q.Includes) > 0 {
		err = s.include(ctx, r, q.Includes, page.Records, result)
	}
	return result, d.fault(err)
}

// query is what a search asks for, before access adds to it.
func (s *Session) query(ctx context.Context, req SearchRequest) (*search.Query, *release, error) {
	if err := s.door.indexes.refresh(ctx); err != nil {
		return nil, nil, s.door.fault(err)
	}
	rel := s.door.releaseOf(req.Release, req.Type)
	options := s.parsing(ctx, rel)
	options.Lenient = s.lenient(req.Handling)
	q, err := rel.catalog.Parse(string(req.Type), req.Pairs, options)
	if err == nil {
		err = s.queries(q)
	}
	return q, rel, err
}

// parsing is how search URLs are read, strictly.
func (s *Session) parsing(ctx context.Context, rel *release) search.ParseOptions {
	return search.ParseOptions{
		Now:          s.door.now(),
		DefaultCount: s.door.policy.DefaultCount,
		MaxCount:     s.door.policy.MaxCount,
		Terminology:  s.terms(ctx, rel),
	}
}

// ignoredIssues say what lenient handling left out.
func ignoredIssues(ignored []search.Ignored) []fault.Issue {
	var issues []fault.Issue
	for _, i := range ignored {
		issues = append(issues, fault.Issue{
			Severity: fault.Warning, Code: fault.CodeNotSupported,
			Message: fmt.Sprintf("the parameter %s was ignored: %s", i.Name, i.Why),
		})
	}
	return issues
}

// lenient says whether unknown parameters are ignored.
func (s *Session) lenient(h Handling) bool {
	return h == HandlingLenient || h == HandlingDefault && s.door.policy.LenientSearch
}

// pageBytes bounds a page, so that an answer of many large resources comes in
// several.
func (d *Door) pageBytes() search.PageBytes {
	return search.PageBytes{Max: d.policy.MaxPage, Of: sizeOf}
}

// confine restricts a query to a compartment (R4 §3.1.1.6).
func (r *release) confine(q *search.Query, owner fhir.Key) error {
	types := q.Types
	if len(types) == 0 {
		types = []string{""}
	}
	var ties search.Or
	for _, t := range types {
		tie, err := r.catalog.CompartmentFilter(string(owner.Type), string(owner.ID), t)
		if err != nil {
			return err
		}
		if len(types) > 1 {
			tie = search.And{search.TypeIs{t}, tie}
		}
		ties = append(ties, tie)
	}
	tie := search.Expr(ties)
	if len(ties) == 1 {
		tie = ties[0]
	}
	if q.Filter != nil {
		tie = search.And{tie, q.Filter}
	}
	q.Filter = tie
	return nil
}
