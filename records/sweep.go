package records

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// contents are the names of the blobs that versions of a Binary refer to.
func (d *Door) contents(ctx context.Context, id fhir.ID) (map[string]bool, error) {
	names := map[string]bool{}
	err := d.eachContent(ctx, id, func(name string) bool { names[name] = true; return true })
	return names, err
}

// eachContent goes through the names of the blobs that versions of Binaries refer to,
// of one (id) or of all (id ""), until yield wants no more.
func (d *Door) eachContent(ctx context.Context, id fhir.ID, yield func(name string) bool) error {
	q := store.HistoryQuery{Type: "Binary", ID: id, Count: d.policy.MaxCount}
	for {
		page, err := d.store.History(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if b, _, ok := unmark(r.Body); ok && !yield(b.name) {
				return nil
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

// Bounds of what is swept together: Binaries are walked twice for it.
const (
	sweptTogether = 1_000
	sweptBytes    = 64 << 20 // of content, and one more
)

// sweep deletes those of candidates to which no version refers any more.
func (d *Door) sweep(ctx context.Context, candidates map[string]bool) error {
	for some := range slices.Chunk(slices.Sorted(maps.Keys(candidates)), sweptTogether) {
		for len(some) > 0 {
			n, err := d.sweepSome(ctx, some)
			if err != nil {
				return err
			}
			some = some[n:]
		}
	}
	return nil
}

// sweepSome sweeps the first of some names and returns how many it looked at.
func (d *Door) sweepSome(ctx context.Context, names []string) (looked int, err error) {
	used, err := d.used(ctx, names)
	if err != nil {
		return 0, err
	}
	gone, size := map[string][]byte{}, 0
	for _, name := range names {
		if size >= sweptBytes {
			break
		}
		looked++
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
			return 0, err
		}
		gone[name] = content
		size += len(content)
	}
	// Content has its hash for a name. A new Binary of the same content may have come
	// between the look and the delete: then it goes back.
	again, err := d.used(ctx, slices.Collect(maps.Keys(gone)))
	for name := range again {
		if _, _, e := d.store.CreateBlob(ctx, func(yield func([]byte, error) bool) { yield(gone[name], nil) }); e != nil {
			err = errors.Join(err, e)
		}
	}
	return looked, err
}

// used are those of names to which a version of a Binary refers. It walks all Binaries
// until it has found every name.
func (d *Door) used(ctx context.Context, names []string) (map[string]bool, error) {
	used := map[string]bool{}
	if len(names) == 0 {
		return used, nil
	}
	asked := make(map[string]bool, len(names))
	for _, name := range names {
		asked[name] = true
	}
	err := d.eachContent(ctx, "", func(name string) bool {
		if asked[name] {
			used[name] = true
		}
		return len(used) < len(asked)
	})
	return used, err
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
