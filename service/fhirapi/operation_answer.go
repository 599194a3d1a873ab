package fhirapi

import (
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
)

// answered is what an operation says of its answer besides the body.
type answered struct {
	release  definitions.Release // of the body
	mixed    bool                // it holds resources of several releases
	version  int64               // for the ETag, 0 for none
	updated  time.Time
	location string // relative, "" for none
}

// searchset is a Bundle with the results of an operation, whose links lead back
// to it.
func (c *call) searchset(in *invocation, result *records.SearchResult, after string) ([]byte, error) {
	b := &bundle{c: c}
	b.begin("searchset")
	if err := b.searchset(in.address(), result, after); err != nil {
		return nil, err
	}
	b.end()
	in.release, in.mixed = b.holds(), b.mixed
	return b.buf, nil
}

// address is where the operation was called, below the base.
func (in *invocation) address() string {
	at := "/$" + in.Op
	if in.Version != "" {
		at = "/_history/" + in.Version + at
	}
	if in.ID != "" {
		at = "/" + string(in.ID) + at
	}
	if in.Type != "" {
		at = "/" + string(in.Type) + at
	}
	return at
}
