package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/search/searchtest"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// RunSearch runs the search scripts of package searchtest on a store with every
// release's parameters, and compares it with the matcher in memory by random
// queries over resources. open gives a new, empty store; RunSearch closes it.
func RunSearch(t *testing.T, packages searchtest.Packages, open func(t *testing.T) store.Store, resources func(t testing.TB) []*fhir.Tree) {
	target := func(t *testing.T) searchtest.Target {
		s := open(t)
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		return searchTarget{s}
	}
	for _, release := range searchtest.Releases {
		t.Run("scripts of "+string(release), func(t *testing.T) {
			packages.Run(t, release, target)
		})
	}
	for _, release := range []definitions.Release{definitions.R4, definitions.R5} {
		t.Run("random queries of "+string(release), func(t *testing.T) {
			catalog := packages.Catalog(t, release)
			all := searchtest.Read(t, catalog, resources(t))
			searchtest.Comparison{
				Catalog: catalog, Resources: append(all, searchtest.Contain(t, all, 8)...), Queries: 200, Seed: 1,
				Want: searchtest.Memory(t), Got: target(t),
			}.Run(t)
		})
	}
}

// searchTarget lets search scripts use a store.
type searchTarget struct{ store.Store }

func (s searchTarget) Put(ctx context.Context, resource *fhir.Tree, entries []search.Entry, updated time.Time) error {
	root := resource.Root()
	return s.put(ctx, store.Write{
		Key:     fhir.Key{Type: fhir.Type(root.Type().Name), ID: fhir.ID(root.Child("id").Text())},
		Expect:  store.Any,
		Updated: updated,
		Method:  "PUT",
		Release: resource.Definitions().Release,
		Body:    s.Pack(root.AppendJSON(nil), entries),
	})
}

func (s searchTarget) Delete(ctx context.Context, key fhir.Key) error {
	return s.put(ctx, store.Write{Key: key, Expect: store.Any, Updated: epoch, Method: "DELETE", Release: definitions.R4})
}

func (s searchTarget) put(ctx context.Context, w store.Write) error {
	return s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{w})
		return err
	})
}

func (s searchTarget) Search(ctx context.Context, q *search.Query) (search.Found, error) {
	page, err := s.Store.Search(ctx, q)
	if err != nil {
		return search.Found{}, err
	}
	found := search.Found{Next: page.Next, Total: page.Total}
	for _, r := range page.Records {
		found.Keys = append(found.Keys, r.Key)
	}
	return found, nil
}
