package records

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// read is Session.many, with the filter asked in memory.
func (in *inclusion) read(ctx context.Context, keys []fhir.Key) ([]store.Record, error) {
	records, err := in.r.ReadMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	return in.match(ctx, records, seeing)
}

// search is what the query finds with the filter x alone and the session may search, of
// the first referrersLooked.
func (in *inclusion) search(ctx context.Context, q *search.Query, x search.Expr) (found []store.Record, err error) {
	plain := *q
	plain.Filter, plain.After = x, ""
	size := int64(0)
	for looked := 0; looked < referrersLooked && len(found) <= in.left && size < in.bytes; {
		page, err := in.r.Search(ctx, &plain)
		if err != nil {
			return nil, err
		}
		shown, err := in.match(ctx, page.Records, smart.Search)
		if err != nil {
			return nil, err
		}
		for i := range shown {
			size += sizeOf(shown[i].Body)
		}
		found, looked = append(found, shown...), looked+len(page.Records)
		if plain.After = page.Next; plain.After == "" {
			break
		}
	}
	return found, nil
}

// match are those of records with which the session may do one of the interactions.
func (in *inclusion) match(ctx context.Context, records []store.Record, i smart.Interactions) (shown []store.Record, err error) {
	for _, record := range records {
		if record.Deleted {
			continue
		}
		may, err := in.s.shows(ctx, in.r, record, i)
		if err != nil {
			return nil, err
		}
		if may {
			shown = append(shown, record)
		}
	}
	return shown, nil
}
