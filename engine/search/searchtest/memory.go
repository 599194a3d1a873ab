package searchtest

import (
	"context"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Memory opens a Target over search.Memory, what others are compared with.
func Memory(*testing.T) Target { return memory{search.NewMemory()} }

type memory struct{ m *search.Memory }

func (m memory) Put(_ context.Context, resource *fhir.Tree, entries []search.Entry, updated time.Time) error {
	root := resource.Root()
	m.m.Put(search.Document{
		Key:     fhir.Key{Type: fhir.Type(root.Type().Name), ID: fhir.ID(root.Child("id").Text())},
		Updated: updated,
		Entries: entries,
	})
	return nil
}

func (m memory) Delete(_ context.Context, key fhir.Key) error {
	m.m.Delete(key)
	return nil
}

func (m memory) Search(ctx context.Context, q *search.Query) (search.Found, error) {
	return m.m.Search(ctx, q)
}
