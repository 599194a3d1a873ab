package records

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// asReferred puts the versions that references name in the place of the current
// ones (R4 §3.1.1.4.13). One that is not there leaves the current one.
func (in *inclusion) asReferred(ctx context.Context, current []store.Record, versions map[fhir.Key]string) error {
	for i := range current {
		n, ok := parseVersion(versions[current[i].Key])
		if !ok || n == current[i].Version {
			continue
		}
		switch r, err := in.r.ReadVersion(ctx, current[i].Key, n); {
		case err == nil && !r.Deleted:
			shown, err := in.s.shows(ctx, in.r, r, seeing)
			if err != nil {
				return err
			}
			if shown {
				current[i] = r
			}
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	return nil
}

// urlReferences are references by URL that includes follow.
type urlReferences []urlReference

// urlReference is a reference by URL, perhaps with a version, to what a parameter
// may point to.
type urlReference struct {
	of           store.Record
	code         string // of the parameter
	url, version string
}

func (c *urlReferences) add(of store.Record, e search.Entry) {
	one := urlReference{of, e.Param.Code, e.URL, e.Version}
	if !slices.ContainsFunc(*c, func(o urlReference) bool {
		return o.of.Key.Type == of.Key.Type && o.code == one.code && o.url == one.url && o.version == one.version
	}) {
		*c = append(*c, one)
	}
}

// byURL finds the resources of the types that the parameters may point to whose
// url, and version if one is named, the references have. Without a version all
// versions are found.
func (in *inclusion) byURL(ctx context.Context, include search.Include, references urlReferences) ([]store.Record, error) {
	var any search.Or
	for _, c := range references {
		catalog := in.s.door.release(c.of.Release).catalog
		for _, p := range catalog.Parameters(string(c.of.Key.Type)) {
			if p.Code != c.code {
				continue
			}
			for _, target := range p.Targets {
				if include.Target == "" || include.Target == target {
					any = append(any, c.defined(catalog, target)...)
				}
			}
		}
	}
	var found []store.Record
	for len(any) > 0 && len(found) <= in.left {
		n := min(len(any), referencesAtOnce)
		q := &search.Query{Filter: in.s.only(nil, seeing, any[:n]), Count: min(in.left+1, in.s.door.policy.MaxCount), Bytes: in.s.door.pageBytes()}
		any = any[n:]
		page, err := in.r.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		found = append(found, page.Records...)
	}
	return found, nil
}

// defined is that a resource of a type is what the canonical names; nothing for
// a type without a url.
func (c urlReference) defined(catalog *search.Catalog, typeName string) search.Or {
	url, ok := catalog.Param(typeName, "url")
	if !ok || url.Kind != definitions.SearchURI {
		return nil
	}
	x := search.And{search.TypeIs{typeName}, search.URI{Param: url, Value: c.url}}
	if version, ok := catalog.Param(typeName, "version"); ok && c.version != "" {
		x = append(x, search.Token{Param: version, AnySystem: true, Code: strings.ToLower(c.version)})
	}
	return search.Or{x}
}

// urlOf is the canonical of a record; zero of one that has no url.
func (in *inclusion) urlOf(record store.Record) (urlReference, error) {
	rel := in.s.door.release(record.Release)
	if rel == nil {
		return urlReference{}, nil
	}
	if url, ok := rel.catalog.Param(string(record.Key.Type), "url"); !ok || url.Kind != definitions.SearchURI {
		return urlReference{}, nil
	}
	tree, err := in.s.door.tree(record)
	if err != nil {
		return urlReference{}, err
	}
	root := tree.Root()
	return urlReference{url: search.Bound(root.Child("url").Text()), version: search.Bound(root.Child("version").Text())}, nil
}

// pointsTo is that a reference names the canonical, with its version or with
// none.
func (c urlReference) pointsTo(p search.Param) search.Or {
	if c.url == "" {
		return nil
	}
	points := search.Or{search.Reference{Param: p, URL: c.url, Unversioned: true}}
	if c.version != "" {
		points = append(points, search.Reference{Param: p, URL: c.url, Version: c.version})
	}
	return points
}
