package records

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/engine/validate"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// release is a FHIR release with the engines built over its tables.
type release struct {
	defs      *definitions.Definitions
	catalog   *search.Catalog
	terms     *terminology.Catalog
	rules     *validate.Validator
	graph     func() (*graphql.Schema, error) // made when it is first asked for
	contained func() string                   // ContainedPrint of catalog
	concern   *sync.Map                       // fhir.Type -> [][]string, see patientPaths
}

func openRelease(defs *definitions.Definitions, base string, content bool, now func() time.Time) (*release, error) {
	catalog, err := search.NewCatalog(defs, base)
	if err != nil {
		return nil, fmt.Errorf("records: search parameters of %s: %w", defs.Release, err)
	}
	catalog.Content = content
	terms := terminology.New(defs)
	rules := validate.New(defs, validate.Options{Terminology: terms, Now: now})
	r := &release{defs: defs, terms: terms, rules: rules, concern: new(sync.Map)}
	r.searchBy(catalog)
	return r, nil
}

// searchBy makes a catalog that of the release.
func (r *release) searchBy(catalog *search.Catalog) {
	r.catalog, r.contained = catalog, sync.OnceValue(catalog.ContainedPrint)
	r.graph = sync.OnceValues(func() (*graphql.Schema, error) { return graphql.NewSchema(catalog) })
}

// with is the release with further search parameters.
func (r *release) with(list []definitions.SearchParameter) *release {
	further := *r
	further.searchBy(r.catalog.With(list))
	return &further
}

// release returns the tools of r, "" for the primary one, or nil. They are
// others after the stored search parameters have changed; a release by itself
// never changes.
func (d *Door) release(r definitions.Release) *release {
	if r == "" {
		r = d.config.Definitions.Release
	}
	return d.indexes.current().releases[r]
}

// ReleaseOf returns the release whose tables tell about a type: the primary
// one if it has it (and for ""), else the first that does. "" when none has.
func (d *Door) ReleaseOf(t fhir.Type) definitions.Release {
	if t == "" || d.config.Definitions.IsResource(string(t)) {
		return d.config.Definitions.Release
	}
	for _, other := range d.config.Others {
		if other.IsResource(string(t)) {
			return other.Release
		}
	}
	return ""
}

// releaseOf is the release r, or when that is "", the one that tells about t;
// the primary one when there is no such release.
func (d *Door) releaseOf(r definitions.Release, t fhir.Type) *release {
	if r == "" {
		r = d.ReleaseOf(t)
	}
	if rel := d.release(r); rel != nil {
		return rel
	}
	return d.release("")
}

// index reads a stored resource and computes its index entries.
func (d *Door) index(ctx context.Context, r store.Record) (*fhir.Tree, []search.Entry, error) {
	return d.indexWith(ctx, d.store, r)
}

// indexWith is index where from knows whose Subscriptions are.
func (d *Door) indexWith(ctx context.Context, from store.Identity, r store.Record) (*fhir.Tree, []search.Entry, error) {
	tree, err := d.tree(r)
	if err != nil {
		return nil, nil, err
	}
	entries, err := d.indexedWith(ctx, from, r, d.release(r.Release), tree)
	return tree, entries, err
}

// tree reads a stored resource. It does not bring a Binary's content back.
func (d *Door) tree(r store.Record) (*fhir.Tree, error) {
	rel := d.release(r.Release)
	if rel == nil {
		return nil, fault.New(fault.NotSupported, fault.CodeNotSupported, "",
			"%s is of release %s, which is not loaded: start the server with its package", r.Key, r.Release)
	}
	return fhir.ParseJSON(rel.defs, r.Body, storedLimits)
}
