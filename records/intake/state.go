package intake

import (
	"encoding/json"
	"time"

	"github.com/inglehealth/ingle/records/bulkload"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// state is the progress of an import, and at its end its result.
type state struct {
	Phase   phase     `json:"phase,omitempty"`
	Waiting string    `json:"waiting,omitempty"` // why nothing happens just now
	Began   time.Time `json:"began,omitzero"`    // of the load
	// Poll is where another server tells how far its export is.
	Poll    string          `json:"poll,omitempty"`
	Inputs  []input         `json:"inputs,omitempty"`
	Counts  bulkload.Counts `json:"counts"`
	Loading json.RawMessage `json:"loading,omitempty"` // bulkload's
	Report  file            `json:"report"`
	Refused int64           `json:"refused"` // lines of the report that refuse something
	// Untold counts, by reason, what was refused and has no line in the report.
	Untold map[fault.Code]int64 `json:"untold,omitempty"`
	Lines  int64                `json:"lines"` // of the report
}

// phase is what an import is at.
type phase string

const (
	exporting phase = "exporting" // another server makes the files
	fetching  phase = "fetching"
	loading   phase = "loading"
	over      phase = "over"
)

// input is a file to load.
type input struct {
	Type   fhir.Type `json:"type,omitempty"`
	URL    string    `json:"url,omitempty"`
	Token  bool      `json:"token,omitempty"` // it takes an access token
	File   file      `json:"file"`
	Whole  bool      `json:"whole,omitempty"`
	ETag   string    `json:"etag,omitempty"`   // strong, of what is there
	Failed string    `json:"failed,omitempty"` // why it could not be fetched
	Counts counts    `json:"counts"`
}

// counts are what became of the lines, and entries, of a file.
type counts struct {
	Accepted int64 `json:"accepted"`
	Matched  int64 `json:"matched"`
	Refused  int64 `json:"refused"`
}
