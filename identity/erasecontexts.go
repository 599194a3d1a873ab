package identity

import (
	"context"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// aboutPatients are the kinds of items that may be about a patient: what users allowed
// apps, and are about to, and breakings of the glass with their reasons.
var aboutPatients = []string{kindGrant, kindLaunch, kindRequest, kindGlass}

// EraseContexts removes what is kept of a patient who is erased: what users allowed apps
// in the patient's record, which ends it, launches, and breakings of the glass, reviewed
// or not. It returns how many items went.
func EraseContexts(ctx context.Context, items store.Identity, patient fhir.ID) (int64, error) {
	const batch = 500
	gone := int64(0)
	for _, kind := range aboutPatients {
		for after := ""; ; {
			some, err := items.ListItems(ctx, kind, after, batch)
			if err != nil {
				return gone, err
			}
			if len(some) == 0 {
				break
			}
			var changes []store.ItemChange
			for _, i := range some {
				var about struct {
					Context smart.Context `json:"context"`
					Patient fhir.ID       `json:"patient"` // of a Glass
				}
				if err := decode(i, &about); err != nil {
					return gone, err
				}
				if about.Patient == patient || fhir.ID(about.Context.Patient) == patient {
					changes = append(changes, store.ItemChange{Item: i, Expect: store.Any, Delete: true})
				}
			}
			if len(changes) > 0 {
				if err := items.WriteItems(ctx, true, changes...); err != nil {
					return gone, err
				}
			}
			gone += int64(len(changes))
			after = some[len(some)-1].ID
		}
	}
	return gone, nil
}
