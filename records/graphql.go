package records

import (
	"context"
	"errors"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// GraphQLRequest is a GraphQL query about a resource, stored or given, or about
// the whole system.
type GraphQLRequest struct {
	graphql.Request
	Key     fhir.Key            // a stored resource, or
	Content *Content            // a given one; both empty: the system
	Release definitions.Release // whose schema the system has; "" for the primary one
}

// maxGraph bounds the bytes of resources that one query reads, not counting
// what its FHIRPath resolves.
const maxGraph = 32 << 20

// GraphQL answers a query with the JSON object {"data": ...}. What it can reach
// is what the session may read. The error is a *graphql.Failure or a
// *fault.Error, or that of the context.
func (s *Session) GraphQL(ctx context.Context, r GraphQLRequest) ([]byte, error) {
	ctx, pass := span.Start(ctx, "door graphql")
	defer pass.End()
	tree, err := s.evaluated(ctx, EvaluateRequest{Key: r.Key, Content: r.Content})
	if err != nil {
		return nil, err
	}
	if err := s.door.indexes.refresh(ctx); err != nil {
		return nil, s.door.fault(err)
	}
	rel := s.door.releaseOf(r.Release, "")
	if tree != nil {
		rel = s.door.releaseOf(tree.Definitions().Release, "")
	}
	schema, err := rel.graph()
	if err != nil {
		return nil, s.door.fault(err)
	}
	g := &graph{s: s, release: rel.defs.Release, resolver: &resolver{s: s}}
	answer, err := schema.Execute(ctx, r.Request, tree, g, graphql.Limits{})
	if _, ok := errors.AsType[*graphql.Failure](err); ok {
		return nil, err
	}
	return answer, s.door.fault(err)
}

// graph brings resources to one query.
type graph struct {
	s        *Session
	release  definitions.Release
	resolver *resolver
	bytes    int64
}

// Schema implements graphql.Fetcher.
func (g *graph) Schema(r definitions.Release) (*graphql.Schema, error) {
	return g.s.door.releaseOf(r, "").graph()
}

// Environment implements graphql.Fetcher.
func (g *graph) Environment(tree *fhir.Tree) *fhirpath.Env {
	env := g.s.Environment(tree)
	env.Resolver = g.resolver
	return env
}

// Read implements graphql.Fetcher.
func (g *graph) Read(ctx context.Context, references []string) ([]*fhir.Tree, error) {
	d := g.s.door
	trees := make([]*fhir.Tree, len(references))
	at := map[fhir.Key][]int{}
	var keys []fhir.Key
	for i, reference := range references {
		key, version, ok := d.localIn(reference)
		switch {
		case !ok:
		case version != "":
			tree, err := g.version(ctx, key, version)
			if err != nil {
				return nil, err
			}
			trees[i] = tree
		default:
			if at[key] == nil {
				keys = append(keys, key)
			}
			at[key] = append(at[key], i)
		}
	}
	for len(keys) > 0 {
		n := min(len(keys), referencesAtOnce)
		found, err := g.s.many(ctx, d.store, keys[:n])
		if err != nil {
			return nil, d.fault(err)
		}
		keys = keys[n:]
		for _, record := range found {
			if err := g.take(sizeOf(record.Body)); err != nil {
				return nil, err
			}
			tree, err := g.s.whole(ctx, record)
			if errors.Is(err, errWithheld) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, i := range at[record.Key] {
				trees[i] = tree
			}
		}
	}
	return trees, nil
}

// version reads one version; nil when it is not there, or is a delete.
func (g *graph) version(ctx context.Context, key fhir.Key, version string) (*fhir.Tree, error) {
	record, err := g.s.version(ctx, g.s.door.store, key, version, seeing)
	switch {
	case absent(err):
		return nil, nil
	case err != nil:
		return nil, err
	case record.Deleted:
		return nil, nil
	}
	if err := g.take(sizeOf(record.Body)); err != nil {
		return nil, err
	}
	tree, err := g.s.whole(ctx, record)
	if errors.Is(err, errWithheld) {
		return nil, nil
	}
	return tree, err
}

// take counts bytes that are read.
func (g *graph) take(n int64) error {
	if g.bytes += n; g.bytes > maxGraph {
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, "",
			"the query reads more than %s of resources: ask for fewer with _count, or page through a connection", humanize.IBytes(maxGraph))
	}
	return nil
}

// Search implements graphql.Fetcher.
func (g *graph) Search(ctx context.Context, q graphql.Search) (*graphql.Page, error) {
	found, err := g.s.Search(ctx, SearchRequest{Type: q.Type, Pairs: q.Pairs, After: q.After, Handling: HandlingStrict, Release: g.release})
	if err != nil {
		return nil, err
	}
	page := &graphql.Page{Total: found.Total, Size: found.Count, Next: found.Next}
	for _, e := range found.Entries {
		if e.Mode != ModeMatch {
			continue
		}
		if err := g.take(int64(len(e.JSON))); err != nil {
			return nil, err
		}
		tree, err := g.s.door.tree(store.Record{Key: e.Key, Release: e.Release, Body: e.JSON})
		if err != nil {
			return nil, err
		}
		page.Trees = append(page.Trees, tree)
	}
	return page, nil
}

// localIn is local for a type of any loaded release.
func (d *Door) localIn(literal string) (key fhir.Key, version string, ok bool) {
	if key, version, ok = d.local(d.config.Definitions, literal); ok {
		return key, version, ok
	}
	for _, other := range d.config.Others {
		if key, version, ok = d.local(other, literal); ok {
			break
		}
	}
	return key, version, ok
}
