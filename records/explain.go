package records

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Explanation is what a search did, and what it found.
type Explanation struct {
	Result *SearchResult
	Query  search.Node // what was asked for
	Access search.Node // the filter that access adds with AND; not what patients decided
	Rules  []string    // what access comes of, in sentences
	Sort   string
	// Restricted says that a filter is in force: what the database did is left
	// out, since its counts and times would tell of resources that the session
	// cannot see.
	Restricted bool
	Steps      []ExplainedStep // searches of the store in their order, the page's first
	Parse      time.Duration
	Plan       time.Duration // choosing where to start, of all steps
	Fetch      time.Duration // statements of the page and the total
	Include    time.Duration // following _include and _revinclude
	Kinds      []KindCount
}

// ExplainedStep is one search of the store.
type ExplainedStep struct {
	Why  string // "matches", or the inclusion's search
	Took time.Duration
	store.Explanation
}

// ExplainedStatement is one query of the database.
type ExplainedStatement = store.Statement

// KindCount is how many resources of a type and mode were found.
type KindCount struct {
	Type  fhir.Type
	Mode  SearchMode
	Count int
}

// Explain does a search and says what was done. Forbidden unless policy allows
// it.
func (s *Session) Explain(ctx context.Context, req SearchRequest) (*Explanation, error) {
	if !s.door.policy.Explain {
		return nil, fault.New(fault.Forbidden, fault.CodeForbidden, "", "_explain is not allowed on this server")
	}
	if err := s.may(req.Type, smart.Search); err != nil {
		return nil, err
	}
	start := time.Now()
	q, _, err := s.query(ctx, req)
	if err != nil {
		return nil, err
	}
	x := &Explanation{
		Query: search.Describe(q.Filter), Sort: search.DescribeSort(q.Sort), Rules: s.InForce(false),
		Parse: time.Since(start),
	}
	x.Access, x.Restricted = s.restriction(q.Types)
	r := &explainer{Reader: s.door.store, store: s.door.store}
	if x.Result, err = s.search(ctx, r, req); err != nil {
		return nil, err
	}
	x.Steps = r.steps
	for i, step := range r.steps {
		for _, statement := range step.Statements {
			switch {
			case statement.Purpose == store.EstimateStatement:
				x.Plan += statement.Took
			case i == 0:
				x.Fetch += statement.Took
			}
		}
	}
	if len(q.Includes) > 0 && !r.matched.IsZero() {
		x.Include = time.Since(r.matched)
	}
	if x.Restricted {
		x.Steps, x.Plan, x.Fetch, x.Include = nil, 0, 0, 0
	}
	x.Kinds = kindsOf(x.Result.Entries)
	return x, nil
}

// restriction is what access adds to a search of some types, but for what patients
// decided, and whether anything may be hidden. Neither depends on whether somebody did.
func (s *Session) restriction(types []string) (told search.Node, restricted bool) {
	reasons, ok := s.access.(explained)
	if !ok {
		filter := s.filter(types, smart.Search)
		return search.Describe(filter), filter != nil
	}
	undecided := reasons.Undecided()
	filter := undecided.Filter(types, smart.Search)
	return search.Describe(filter), filter != nil || Access(undecided) != s.access
}

// kindsOf counts entries by mode and type, in the order in which they first
// come.
func kindsOf(entries []SearchEntry) []KindCount {
	var kinds []KindCount
	at := map[KindCount]int{}
	for i := range entries {
		k := KindCount{Type: entries[i].Key.Type, Mode: entries[i].Mode}
		n, ok := at[k]
		if !ok {
			n = len(kinds)
			at[k], kinds = n, append(kinds, k)
		}
		kinds[n].Count++
	}
	return kinds
}

// explainer is a Reader that keeps how its searches were done.
type explainer struct {
	store.Reader
	store   store.Store
	steps   []ExplainedStep
	matched time.Time // when the page's matches were there
}

// Search implements store.Reader.
func (e *explainer) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	start := time.Now()
	page, x, err := e.store.Explain(ctx, q)
	why := "matches"
	if len(e.steps) > 0 {
		why = "included resources"
	} else {
		e.matched = time.Now()
	}
	e.steps = append(e.steps, ExplainedStep{why, time.Since(start), x})
	return page, err
}

// Count implements store.Reader.
func (e *explainer) Count(ctx context.Context, q *search.Query) (int64, error) {
	counted := *q
	counted.Count = 0
	page, err := e.Search(ctx, &counted)
	return page.Total, err
}
