package records

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// measure fills in how far the matches of a page lie from where near looks.
// matches are the entries of found, in order.
func (d *Door) measure(ctx context.Context, q *search.Query, found []store.Record, matches []SearchEntry) error {
	for i, record := range found {
		_, entries, err := d.index(ctx, record)
		if err != nil {
			return err
		}
		if metres, ok := search.Distance(q.Filter, entries); ok {
			matches[i].Distance = &metres
		}
	}
	return nil
}
