package records

import "github.com/inglehealth/ingle/alerts"

// Alerts are the tenant's alerts, beside its records.
func (d *Door) Alerts() *alerts.Book { return alerts.NewBook(d.store, d.config.Clock) }
