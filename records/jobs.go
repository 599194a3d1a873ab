package records

import "github.com/inglehealth/ingle/store"

// Jobs keeps the tenant's durable work, beside its records.
func (d *Door) Jobs() store.Jobs { return d.store }
