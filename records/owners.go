package records

import (
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// owners are the patients to whom a version of a resource belongs; of a delete,
// nobody.
func (d *Door) owners(ctx context.Context, r store.Record) ([]fhir.ID, error) {
	if r.Deleted {
		return nil, nil
	}
	doc, err := d.document(ctx, r)
	if err != nil {
		return nil, err
	}
	return d.ownership.Patients(doc), nil
}

// concerned are the owners of a version, and of what it tells about those of that.
func (d *Door) concerned(ctx context.Context, r store.Record) ([]fhir.ID, error) {
	all, err := d.owners(ctx, r)
	if err != nil || r.Deleted || !access.About(r.Key.Type) {
		return all, err
	}
	tree, err := d.tree(r)
	if err != nil {
		return nil, err
	}
	for n := range tree.Root().Pointers() {
		key, _, ok := d.pointed(tree.Definitions(), n)
		if !ok {
			continue
		}
		if key.Type == patientType {
			all = append(all, key.ID)
			continue
		}
		target, err := d.store.Read(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		owners, err := d.owners(ctx, target)
		if err != nil {
			return nil, err
		}
		all = append(all, owners...)
	}
	return distinctIDs(all), nil
}

// everConcerned are those of all versions of a resource.
func (d *Door) everConcerned(ctx context.Context, key fhir.Key) ([]fhir.ID, error) {
	var all []fhir.ID
	q := store.HistoryQuery{Type: key.Type, ID: key.ID, Count: historyRead}
	for {
		page, err := d.store.History(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			some, err := d.concerned(ctx, r)
			if err != nil {
				return nil, err
			}
			all = distinctIDs(append(all, some...))
		}
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
}

// historyRead is how many versions are read at a time.
const historyRead = 50

// referredTo are the resources of this server that a tree refers to, each once.
func (d *Door) referredTo(tree *fhir.Tree) []fhir.Key {
	var all []fhir.Key
	for n := range tree.Root().Pointers() {
		if key, _, ok := d.pointed(tree.Definitions(), n); ok && !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	return all
}
