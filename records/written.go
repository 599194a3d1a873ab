package records

import (
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// written names a version of a resource as it was written: what it says never changes.
type written struct {
	key     fhir.Key
	version int64
	at      int64 // microseconds since the Unix epoch: after $expunge versions begin anew
}

func writtenAs(r store.Record) written { return written{r.Key, r.Version, r.Updated.UnixMicro()} }
