package records

import (
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Glass is the record of a patient for whom a principal has broken the glass: what
// stands in the way of others does not, until then.
type Glass struct {
	Patient fhir.ID
	Until   time.Time
}
