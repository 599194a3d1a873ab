package records

import (
	"context"
	"errors"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// resolver lets FHIRPath read what the session may read, each resource once
// and not more than maxResolved bytes in one evaluation.
type resolver struct {
	s     *Session
	bytes int64
	known map[string]fhir.Node
}

const maxResolved = 32 << 20

// Resolve reads what a literal reference to a resource of this server, or an
// element of type canonical, points to.
func (r *resolver) Resolve(ctx context.Context, from fhir.Node, reference string) (fhir.Node, error) {
	key, version, ok := r.s.door.local(from.Tree().Definitions(), reference)
	if !ok {
		return r.canonical(ctx, from, reference)
	}
	return r.once(ctx, key.String()+"/"+version, func() (store.Record, bool, error) {
		record, err := r.s.version(ctx, r.s.door.store, key, version, seeing)
		if err != nil {
			if absent(err) {
				err = nil
			}
			return record, false, err
		}
		return record, !record.Deleted, nil
	})
}

// canonical reads the stored resource with the URL that an element names, of
// one of the types that its definition names.
func (r *resolver) canonical(ctx context.Context, from fhir.Node, canonical string) (fhir.Node, error) {
	element := from.Element()
	if element == nil || from.Type().Name != "canonical" {
		return fhir.Node{}, nil
	}
	rel := r.s.door.release(from.Tree().Definitions().Release)
	for _, ref := range element.Types {
		if ref.Code != "canonical" || rel == nil {
			continue
		}
		for _, typ := range ref.Targets {
			if rel.defs.SearchParameter(typ, "url") == nil {
				continue
			}
			n, err := r.once(ctx, typ+" "+canonical, func() (record store.Record, found bool, err error) {
				q, err := r.s.urlQuery(rel, typ, canonical)
				if err != nil || r.s.queries(q) != nil {
					return record, false, err
				}
				return r.s.first(ctx, q)
			})
			if err != nil || !n.IsZero() {
				return n, err
			}
		}
	}
	return fhir.Node{}, nil
}

// once gives the resource that was read under a name, or reads it.
func (r *resolver) once(ctx context.Context, name string, read func() (store.Record, bool, error)) (fhir.Node, error) {
	if n, ok := r.known[name]; ok {
		return n, nil
	}
	record, found, err := read()
	if err != nil || !found {
		return fhir.Node{}, err
	}
	if r.bytes += sizeOf(record.Body); r.bytes > maxResolved {
		return fhir.Node{}, fault.New(fault.Unprocessable, fault.CodeTooCostly, "",
			"resolve() read more than %s of resources: make the expression resolve fewer references", humanize.IBytes(maxResolved))
	}
	tree, err := r.s.whole(ctx, record)
	if errors.Is(err, errWithheld) {
		return fhir.Node{}, nil
	}
	if err != nil {
		return fhir.Node{}, err
	}
	if r.known == nil {
		r.known = map[string]fhir.Node{}
	}
	r.known[name] = tree.Root()
	return tree.Root(), nil
}
