// Package bulkjob performs exports of the Bulk Data Access guide: each is a durable
// job that writes files of NDJSON, one type a file, to which its State is the manifest.
//
// An export shows the records as they were at one place in the change feed, to whom
// may see them while it is written. A file is the unit of work: its place is saved when
// it is durable, so that whoever takes the job up begins the next one, and no line is
// lost or there twice. Names of files tell the attempt that wrote them, so that a
// process that has lost the job without knowing writes over nothing.
//
// Bulk Data Access 2.0 §Bulk Data Export.
package bulkjob

import (
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Kind is that of the jobs.
const Kind = "bulk-export"

// Level is whose data an export has.
type Level string

// The levels.
const (
	System   Level = "system"
	Patients Level = "patient" // of all Patients
	Group    Level = "group"   // of a Group's members
)

// Associated is a set of Provenances (parameter includeAssociatedData).
type Associated string

// The sets.
const (
	LatestProvenance   Associated = "LatestProvenanceResources"
	RelevantProvenance Associated = "RelevantProvenanceResources"
)

// Request is what an export is asked for. It is kept with the job.
type Request struct {
	URL     string           `json:"url"` // of the request
	For     records.Standing `json:"for"`
	At      records.Seq      `json:"at"`   // what it shows
	Time    time.Time        `json:"time"` // transactionTime
	Level   Level            `json:"level"`
	Group   fhir.ID          `json:"group,omitempty"`
	Members []fhir.ID        `json:"patients,omitempty"` // only theirs; empty: all of the level
	Types   []fhir.Type      `json:"types,omitempty"`    // empty: all
	// Filters are searches, one of which has to find a resource of a type; none: all.
	Filters    map[fhir.Type][][]search.Pair `json:"filters,omitempty"`
	Since      time.Time                     `json:"since,omitzero"`
	Until      time.Time                     `json:"until,omitzero"`
	Elements   []string                      `json:"elements,omitempty"`
	Associated Associated                    `json:"associated,omitempty"`
	Organize   fhir.Type                     `json:"organize,omitempty"` // Patient: a block for each; "": by type
	Partial    bool                          `json:"partial,omitempty"`  // the client takes manifests of a part
	Notes      []fault.Issue                 `json:"notes,omitempty"`    // what was left out, as the client allowed
}

// State is how far an export is. It is the progress of the job.
type State struct {
	Steps     []Step        `json:"steps"`
	Step      int           `json:"step"`  // under way; len(Steps) at the end
	After     records.Place `json:"after"` // in that step: what is in Output
	Output    []File        `json:"output"`
	Whose     string        `json:"whose,omitempty"` // file of the ids of those whose data it has
	Resources int64         `json:"resources"`       // in Output
	Found     int64         `json:"found"`           // in the step under way
	Withheld  int64         `json:"withheld,omitempty"`
	// Spooled counts the files that are no output: Runs and Shelves, which are what blocks are
	// made of. Merged is where the next block begins in each run.
	Spooled int     `json:"spooled,omitempty"`
	Runs    []Run   `json:"runs,omitempty"`
	Shelves []Run   `json:"shelves,omitempty"`
	Merged  []int64 `json:"merged,omitempty"`
	Waits   string  `json:"waits,omitempty"` // for what it waits
}

// What a step exports.
const (
	stepAll        = ""           // of a type, all
	stepOwned      = "owned"      // that belong to Patients
	stepReferred   = "referred"   // to which something exported refers
	stepProvenance = "provenance" // of what is exported
	stepDeleted    = "deleted"
	stepOrganize   = "organize" // the files of what was found so far
	stepNotes      = "notes"
)

// Step exports a part of what there is of a type.
type Step struct {
	Type  fhir.Type `json:"type"`
	What  string    `json:"what,omitempty"`
	Total int64     `json:"total,omitempty"` // about how many there are
}

// Output is a place in the manifest.
type Output string

// The places.
const (
	Resource Output = "output"
	Deleted  Output = "deleted"
	Errors   Output = "error"
)

// File is a file that is durably there.
type File struct {
	Name  string    `json:"name"`
	In    Output    `json:"in"`
	Type  fhir.Type `json:"type"` // of its lines; "": of several, in blocks
	Count int64     `json:"count"`
	Size  int64     `json:"size"`
	// Continues is the file in which its last block goes on.
	Continues string `json:"continues,omitempty"`
	// Scopes are the types of its resources, which who fetches it must be allowed to see.
	Scopes []fhir.Type `json:"scopes,omitempty"`
}

// Ended says whether all is written.
func (s *State) Ended() bool { return len(s.Steps) > 0 && s.Step >= len(s.Steps) }

// Percent is about how much is written.
func (s *State) Percent() int {
	if s.Ended() {
		return 100
	}
	var all, done int64
	for i, step := range s.Steps {
		all += step.Total
		if i < s.Step {
			done += step.Total
		} else if i == s.Step {
			done += min(s.Found, step.Total)
		}
	}
	if all == 0 {
		return 0
	}
	return int(min(99, done*100/all))
}

// byPatient says whether resources are exported for the Patients to whom they belong.
func (r *Request) byPatient() bool { return r.Level != System || r.Organize != "" }

// exports are the types that an export may have, sorted.
func (s *State) exports() (types []fhir.Type) {
	for _, step := range s.Steps {
		if step.Type != "" && step.What != stepDeleted {
			types = append(types, step.Type)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// wants says whether resources of a type are asked for.
func (r *Request) wants(t fhir.Type) bool { return len(r.Types) == 0 || slices.Contains(r.Types, t) }
