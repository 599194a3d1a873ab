package records

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// contents are the names of the blobs that versions of Binaries refer to: of
// one (id), or of all (id "").
func (d *Door) contents(ctx context.Context, id fhir.ID) (map[string]bool, error) {
	names := map[string]bool{}
	q := store.HistoryQuery{Type: "Binary", ID: id, Count: d.policy.MaxCount}
	for {
		page, err := d.store.History(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			if b, _, ok := unmark(r.Body); ok {
				names[b.name] = true
			}
		}
		if q.After = page.Next; q.After == "" {
			return names, nil
		}
	}
}

// sweep deletes those of candidates to which no version refers any more.
func (d *Door) sweep(ctx context.Context, candidates map[string]bool) error {
	if len(candidates) == 0 {
		return nil
	}
	used, err := d.contents(ctx, "")
	if err != nil {
		return err
	}
	for name := range candidates {
		if used[name] {
			continue
		}
		content, err := d.blob(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil {
			err = d.store.DeleteBlob(ctx, name)
		}
		if err != nil {
			return err
		}
		// Content has its hash for a name. A new Binary of the same content may
		// have come between the look and the delete: then it goes back.
		if used, err = d.contents(ctx, ""); err == nil && used[name] {
			_, _, err = d.store.CreateBlob(ctx, func(yield func([]byte, error) bool) { yield(content, nil) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Door) blob(ctx context.Context, name string) ([]byte, error) {
	chunks, size, err := d.store.ReadBlob(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	content := make([]byte, 0, size)
	for chunk, err := range chunks {
		if err != nil {
			return nil, err
		}
		content = append(content, chunk...)
	}
	return content, nil
}
