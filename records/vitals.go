package records

import (
	"context"

	"github.com/inglehealth/ingle/store"
)

// Vitals is how the tenant's database is.
type Vitals = store.Vitals

// Vitals asks how the tenant's database is.
func (d *Door) Vitals(ctx context.Context) (Vitals, error) { return d.store.Vitals(ctx) }

// JobCount is how many of the tenant's jobs of a kind are in a state.
type JobCount = store.JobCount
