package subscribe

import (
	"context"
	"fmt"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Change is what became of a resource.
type Change struct {
	Interaction   Interactions     // one
	Before, After *search.Document // nil: there was, or is, nothing
	// Trees give the resource for FHIRPath; nil where there is none.
	BeforeTree, AfterTree func() (*fhir.Tree, error)
}

// Hit is a subscription that a change concerns.
type Hit struct {
	ID string
	// Former says that it concerns it because of how the resource was, and for no other
	// reason.
	Former bool
}

// Match returns the subscriptions that a change concerns, in order of their ids. A
// criterion that cannot be evaluated is an error of its subscription alone: failed is
// called with it, and it does not match.
func (s *Set) Match(ctx context.Context, c *Change, failed func(id string, err error)) []Hit {
	doc := c.After
	if doc == nil {
		doc = c.Before
	}
	if doc == nil || string(doc.Key.Type) == Unwatched {
		return nil
	}
	var hits []Hit
	for _, id := range s.candidates(doc) {
		former, ok, err := s.criteria[id].match(ctx, c, doc)
		if err != nil {
			failed(id, err)
		}
		if ok {
			hits = append(hits, Hit{id, former})
		}
	}
	return hits
}

// match says whether one of the rules holds of a change to doc; former, that none does
// but those that ask how it was.
func (c *Criteria) match(ctx context.Context, change *Change, doc *search.Document) (former, ok bool, err error) {
	for i := range c.rules {
		r := &c.rules[i]
		if former && r.former() {
			continue
		}
		switch holds, err := r.match(ctx, change, doc); {
		case err != nil:
			return false, false, err
		case holds && !r.former():
			return false, true, nil
		case holds:
			former = true
		}
	}
	return former, former, nil
}

func (r *rule) match(ctx context.Context, c *Change, doc *search.Document) (bool, error) {
	if r.on&c.Interaction == 0 || r.resource != "" && r.resource != string(doc.Key.Type) {
		return false, nil
	}
	if ok, err := search.Match(ctx, r.filter, doc, nil); !ok || err != nil {
		return false, err
	}
	if r.query != nil {
		if ok, err := r.query.match(ctx, c); !ok || err != nil {
			return false, err
		}
	}
	if r.path == nil {
		return true, nil
	}
	return r.matchPath(ctx, c)
}

func (q *query) match(ctx context.Context, c *Change) (bool, error) {
	test := func(x search.Expr, doc *search.Document, otherwise bool) (bool, error) {
		if doc == nil {
			return otherwise, nil
		}
		return search.Match(ctx, x, doc, nil)
	}
	if q.previous == nil {
		return test(q.current, c.After, q.DeletePasses)
	}
	was, err := test(q.previous, c.Before, q.CreatePasses)
	if err != nil || q.current == nil || was != q.Both {
		return was && err == nil, err
	}
	return test(q.current, c.After, q.DeletePasses)
}

// bounds keep one criterion from holding up the others.
var bounds = fhirpath.Limits{Steps: 100_000, Items: 10_000, Text: 1 << 20, Texts: 4 << 20}

func (r *rule) matchPath(ctx context.Context, c *Change) (bool, error) {
	env := fhirpath.Env{Variables: map[string]fhirpath.Collection{"previous": nil, "current": nil}, Limits: bounds}
	var focus fhir.Node
	for _, one := range []struct {
		name string
		tree func() (*fhir.Tree, error)
	}{{"previous", c.BeforeTree}, {"current", c.AfterTree}} {
		if one.tree == nil {
			continue
		}
		tree, err := one.tree()
		if err != nil {
			return false, err
		}
		focus = tree.Root()
		env.Variables[one.name] = fhirpath.Collection{fhirpath.NodeValue(focus)}
	}
	ok, err := r.path.Matches(ctx, &env, focus)
	if err != nil {
		return false, fmt.Errorf("fhirPathCriteria: %w", err)
	}
	return ok, nil
}
