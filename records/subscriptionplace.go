package records

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/inglehealth/ingle/store"
)

// The item that has the place of the leader in the feed, in kindLead.
const idPlace = "place"

// readPlace reads the place in the feed, with the version of the item that has it: 0 when
// nobody led yet.
func readPlace(ctx context.Context, from store.Identity) (at store.Seq, version int64, err error) {
	item, err := from.ReadItem(ctx, kindLead, idPlace)
	if errors.Is(err, store.ErrNotFound) {
		return 0, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(item.Body, &at)
	}
	return at, item.Version, err
}

// placeChange makes a place durable.
func placeChange(at store.Seq, version int64) (store.ItemChange, error) {
	body, err := json.Marshal(at)
	return store.ItemChange{Item: store.Item{Kind: kindLead, ID: idPlace, Body: body}, Expect: version}, err
}
