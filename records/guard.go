package records

import (
	"context"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// guarded is a store that does not search by parameters that lack index rows,
// unless the query takes what there is.
type guarded struct {
	store.Store
	indexes *indexes
}

// Search implements store.Reader.
func (g guarded) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	if err := g.check(ctx, q); err != nil {
		return store.Page{}, err
	}
	return g.Store.Search(ctx, q)
}

// Count implements store.Reader.
func (g guarded) Count(ctx context.Context, q *search.Query) (int64, error) {
	if err := g.check(ctx, q); err != nil {
		return 0, err
	}
	return g.Store.Count(ctx, q)
}

// History implements store.Resources.
func (g guarded) History(ctx context.Context, q store.HistoryQuery) (store.HistoryPage, error) {
	if err := g.indexes.trust(ctx, func() []search.Param { return search.ParamsOf(q.Filter) }); err != nil {
		return store.HistoryPage{}, err
	}
	return g.Store.History(ctx, q)
}

// Walk implements store.Resources.
func (g guarded) Walk(ctx context.Context, q store.WalkQuery) (store.WalkPage, error) {
	if err := g.indexes.trust(ctx, func() []search.Param { return append(search.ParamsOf(q.Filter), q.Owners...) }); err != nil {
		return store.WalkPage{}, err
	}
	return g.Store.Walk(ctx, q)
}

// Explain implements store.Resources.
func (g guarded) Explain(ctx context.Context, q *search.Query) (store.Page, store.Explanation, error) {
	if err := g.check(ctx, q); err != nil {
		return store.Page{}, store.Explanation{}, err
	}
	return g.Store.Explain(ctx, q)
}

// Values implements store.Resources.
func (g guarded) Values(ctx context.Context, p search.Param, limit int) ([]search.Entry, error) {
	if err := g.indexes.trust(ctx, func() []search.Param { return []search.Param{p} }); err != nil {
		return nil, err
	}
	return g.Store.Values(ctx, p, limit)
}

func (g guarded) check(ctx context.Context, q *search.Query) error {
	if q.Partial {
		return nil
	}
	return g.indexes.trust(ctx, q.Params)
}

// transacted is a transaction's Reader that does not search by parameters that lacked
// index rows when the state was read last: nobody may wait for that there.
type transacted struct {
	store.Reader
	indexes *indexes
}

// Search implements store.Reader.
func (t transacted) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	if err := t.check(q); err != nil {
		return store.Page{}, err
	}
	return t.Reader.Search(ctx, q)
}

// Count implements store.Reader.
func (t transacted) Count(ctx context.Context, q *search.Query) (int64, error) {
	if err := t.check(q); err != nil {
		return 0, err
	}
	return t.Reader.Count(ctx, q)
}

func (t transacted) check(q *search.Query) error {
	if q.Partial {
		return nil
	}
	return distrust(t.indexes.lacking(q.Params))
}

// trust refuses params that lack index rows.
func (x *indexes) trust(ctx context.Context, params func() []search.Param) error {
	lacking, err := x.incomplete(ctx, params)
	if err != nil {
		return err
	}
	return distrust(lacking)
}

// distrust is the error about parameters that lack index rows; nil when none
// does.
func distrust(lacking []Incomplete) error {
	if len(lacking) == 0 {
		return nil
	}
	return unready(lacking, "ask again when they are", "")
}

// unready is the error about parameters that lack index rows, and what to do while
// they are being made, or if nobody makes them.
func unready(lacking []Incomplete, meanwhile, otherwise string) error {
	texts := make([]string, len(lacking))
	end := meanwhile
	for i, l := range lacking {
		texts[i] = l.String()
		if !l.Reading {
			end = otherwise
		}
	}
	if end != "" {
		texts = append(texts, end)
	}
	return fault.New(fault.Unavailable, fault.CodeIncomplete, "", "%s", strings.Join(texts, "; "))
}

// partial is a Reader that searches by parameters that lack index rows, too.
type partial struct{ store.Reader }

// Search implements store.Reader.
func (p partial) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	some := *q
	some.Partial = true
	return p.Reader.Search(ctx, &some)
}

// Count implements store.Reader.
func (p partial) Count(ctx context.Context, q *search.Query) (int64, error) {
	some := *q
	some.Partial = true
	return p.Reader.Count(ctx, &some)
}

// admit says whether a search may go on with the parameters that it uses, and
// with which Reader: with notes when some lack index rows and the request
// takes what there is. What access adds must be complete in any case.
func (s *Session) admit(ctx context.Context, r store.Reader, q *search.Query, req SearchRequest) (store.Reader, []fault.Issue, error) {
	x := s.door.indexes
	if filter := s.filter(q.Types, smart.Search); filter != nil {
		if err := x.trust(ctx, func() []search.Param { return search.ParamsOf(filter) }); err != nil {
			return nil, nil, err
		}
	}
	lacking, err := x.incomplete(ctx, func() []search.Param { return append(q.Params(), s.door.reverse(q.Includes)...) })
	if err != nil || len(lacking) == 0 {
		return r, nil, err
	}
	if !req.Partial && !s.lenient(req.Handling) {
		return nil, nil, unready(lacking, "ask again when they are, or add _indexing=partial to get what is found so far",
			"add _indexing=partial to get what is found nevertheless")
	}
	issues := make([]fault.Issue, len(lacking))
	for i, l := range lacking {
		issues[i] = fault.Issue{Severity: fault.Warning, Code: fault.CodeIncomplete, Message: l.String() + "; resources may be missing here, or be here that do not match"}
	}
	return partial{r}, issues, nil
}

// reverse are the parameters by which _revinclude searches.
func (d *Door) reverse(includes []search.Include) []search.Param {
	var params []search.Param
	for _, i := range includes {
		switch {
		case !i.Reverse:
		case i.Param.Code != "*":
			params = append(params, i.Param)
		default:
			for _, p := range d.releaseOf("", fhir.Type(i.Source)).catalog.Parameters(i.Source) {
				if p.Kind == definitions.SearchReference {
					params = append(params, p.Param)
				}
			}
		}
	}
	return params
}
