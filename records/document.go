package records

import (
	"context"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// Document returns the resources of a document (R4 §3.3, Composition-document):
// a Composition first, then everything that it refers to, directly or through
// others, each once. Where a reference names a version, that one is taken. To
// what the Composition relates to (relatesTo) it does not go: that is another
// document.
//
// The error is Unprocessable when something that the Composition itself refers
// to is not here for the session, or the document becomes larger than a page
// may be. What others refer to and is not here is left out.
func (s *Session) Document(ctx context.Context, id fhir.ID) ([]Resource, error) {
	ctx, pass := span.Start(ctx, "door document")
	defer pass.End()
	key := fhir.Key{Type: "Composition", ID: id}
	record, err := s.visible(ctx, s.door.store, key, smart.Read)
	if err != nil {
		return nil, err
	}
	if record.Deleted {
		return nil, gone(record)
	}
	g := gathering{s: s, seen: map[versioned]bool{{key: key}: true}, held: map[string]bool{}}
	if err := g.add(ctx, record); err != nil {
		return nil, err
	}
	for at := 0; at < len(g.resources); at++ {
		if err := g.follow(ctx, at); err != nil {
			return nil, s.door.fault(err)
		}
	}
	return g.resources, nil
}

// versioned is a resource or, with a version, that version of it.
type versioned struct {
	key     fhir.Key
	version string
}

// gathering collects the resources of a document.
type gathering struct {
	s         *Session
	seen      map[versioned]bool // references
	held      map[string]bool    // versions, since two references may mean the same
	resources []Resource
	trees     []*fhir.Tree // nil once followed
	bytes     int64
}

func (g *gathering) add(ctx context.Context, record store.Record) error {
	version := location(headOf(record))
	if g.held[version] {
		return nil
	}
	g.held[version] = true
	policy := g.s.door.policy
	if g.bytes += sizeOf(record.Body); len(g.resources) > policy.MaxIncludes || g.bytes > policy.MaxPage {
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "the document would hold more than %d resources or %s", policy.MaxIncludes, humanize.IBytes(uint64(policy.MaxPage)))
	}
	record, err := g.s.masked(ctx, record)
	if err != nil {
		return err
	}
	res, err := g.s.door.resource(ctx, record)
	if err != nil {
		return err
	}
	tree, err := g.s.door.tree(record)
	g.resources, g.trees = append(g.resources, res), append(g.trees, tree)
	return err
}

// follow adds what resource number at refers to and is not there yet.
func (g *gathering) follow(ctx context.Context, at int) error {
	tree := g.trees[at]
	g.trees[at] = nil
	var current []fhir.Key
	var issues []fault.Issue
	from := map[versioned]fhir.Node{}
	missing := func(n fhir.Node) {
		if at == 0 && n.Name() == "reference" {
			issues = append(issues, issueAt(n, fault.CodeNotFound, "%s is not on this server, so that the document cannot be put together", fault.Shorten(n.Text())))
		}
	}
	for n := range tree.Root().Pointers() {
		literal := n.Text()
		if strings.HasPrefix(literal, "#") || at == 0 && strings.HasPrefix(n.Path(), "Composition.relatesTo") {
			continue
		}
		key, version, ok := g.s.door.pointed(tree.Definitions(), n)
		if !ok {
			missing(n)
			continue
		}
		if one := (versioned{key, version}); !g.seen[one] {
			g.seen[one], from[one] = true, n
			if version == "" {
				current = append(current, key)
			} else if err := g.addVersion(ctx, one); absent(err) {
				missing(n)
			} else if err != nil {
				return err
			}
		}
	}
	for len(current) > 0 {
		n := min(len(current), referencesAtOnce)
		found, err := g.s.many(ctx, g.s.door.store, current[:n])
		if err != nil {
			return err
		}
		for _, record := range found {
			delete(from, versioned{key: record.Key})
			if err := g.add(ctx, record); err != nil {
				return err
			}
		}
		for _, key := range current[:n] {
			if n, absent := from[versioned{key: key}]; absent {
				missing(n)
			}
		}
		current = current[n:]
	}
	if len(issues) > 0 {
		return fault.Of(fault.Unprocessable, issues)
	}
	return nil
}

func (g *gathering) addVersion(ctx context.Context, one versioned) error {
	record, err := g.s.version(ctx, g.s.door.store, one.key, one.version, seeing)
	if err != nil {
		return err
	}
	if record.Deleted {
		return notFound(one.key)
	}
	return g.add(ctx, record)
}
