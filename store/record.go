package store

import (
	"fmt"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Record is one version of a resource.
type Record struct {
	Key     fhir.Key
	Version int64 // 1 for the first; rises by one at each write, deletes included
	Seq     Seq   // place in the tenant's log of all versions
	Updated time.Time
	Method  string // HTTP verb that made the version: POST, PUT, PATCH, DELETE
	Release definitions.Release
	Deleted bool   // the version is a delete; Body is nil
	Body    []byte // JSON, as the door composed it; the caller must not change it
}

// Seq numbers all versions of a tenant in the order in which they became
// visible to Changes.
type Seq int64

// Any, as Write.Expect, means whatever version is there, or none.
const Any int64 = -1

// Write is one change to one resource.
type Write struct {
	Key     fhir.Key
	Expect  int64 // version that must be current: Any, 0 for never existed, or n (a deleted resource's current version is its delete)
	Version int64 // 0 for one above the current version; otherwise the number that the version had elsewhere, ErrVersion unless it is above
	Updated time.Time
	Method  string
	Release definitions.Release
	Body    Body // zero for a delete
}

// Body is a resource's JSON and index entries packed for storage by
// Resources.Pack.
type Body struct {
	Packed []byte
	Size   int // of the JSON
	Index  []search.Entry
	Made   any // of Index, for the store that packed it
}

// VersionInfo is what a write has to know about a resource's current version.
type VersionInfo struct {
	Version int64
	Deleted bool
}

// PolicySpan is what a Patient's consents come to in a stretch of time, in
// microseconds since the Unix epoch: from Lo until before Until.
type PolicySpan struct {
	Lo, Until int64
	Policy    string
}

// Policy is one that some Patient has. The store numbers them by their
// text, from 1 up; to have one that is there uses up no number.
type Policy struct {
	Number int64
	Text   string
}

// VersionError says which Write met another version.
type VersionError struct {
	Key             fhir.Key
	Expect, Current int64 // Current 0: never existed
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("store: %s: version %d expected, %d is current", e.Key, e.Expect, e.Current)
}

// Unwrap returns ErrVersion.
func (e *VersionError) Unwrap() error { return ErrVersion }

// MissingError says which required keys are missing.
type MissingError struct{ Keys []fhir.Key }

func (e *MissingError) Error() string {
	names := make([]string, len(e.Keys))
	for i, k := range e.Keys {
		names[i] = k.String()
	}
	return "store: missing: " + strings.Join(names, ", ")
}

// Unwrap returns ErrMissing.
func (e *MissingError) Unwrap() error { return ErrMissing }
