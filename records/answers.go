package records

import (
	"sync/atomic"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/spec/fault"
)

// answers bounds what the reading entries of one Bundle answer together, since
// a short request can ask for the same large resource many times.
type answers struct {
	max  int64
	held atomic.Int64
}

// take counts the answer that read gives, and refuses to read when there is
// too much already.
func (a *answers) take(read func() (EntryResult, error)) (EntryResult, error) {
	if a.held.Load() <= a.max {
		res, err := read()
		if a.held.Add(res.size()) <= a.max || err != nil {
			return res, err
		}
	}
	return EntryResult{}, fault.New(fault.Unprocessable, fault.CodeTooCostly, "",
		"the answers of this Bundle would hold more than %s: ask for less, or in several Bundles", humanize.IBytes(uint64(a.max)))
}

// size is what a read holds in memory until the Bundle is answered.
func (e *EntryResult) size() int64 {
	n := len(e.Body)
	if e.Resource != nil {
		n += len(e.Resource.JSON)
	}
	if e.Search != nil {
		for i := range e.Search.Entries {
			n += len(e.Search.Entries[i].JSON)
		}
	}
	if e.History != nil {
		for i := range e.History.Entries {
			n += len(e.History.Entries[i].JSON)
		}
	}
	return int64(n)
}
