package records

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// HistoryRequest selects versions: of one resource (Type and ID), of a type,
// or of all.
type HistoryRequest struct {
	Type  fhir.Type
	ID    fhir.ID
	Since time.Time // zero: from the start
	At    time.Time // zero, or: only what was current at that time
	Count int       // 0: as policy says; -1: none, only the total
	After string    // Next of the page before
}

// HistoryResult is one page of versions, newest first. Deletes have no JSON.
type HistoryResult struct {
	Entries []Resource
	Total   int64
	Next    string
	Count   int // page size in force
}

// History returns one page of versions. For an instance that never was, the
// error is NotFound.
func (s *Session) History(ctx context.Context, r HistoryRequest) (*HistoryResult, error) {
	d := s.door
	if r.ID != "" {
		if _, err := s.visible(ctx, d.store, fhir.Key{Type: r.Type, ID: r.ID}); err != nil {
			return nil, err
		}
	}
	count := r.Count
	switch {
	case count == 0:
		count = d.policy.DefaultCount
	case count < 0:
		count = 0
	}
	count = min(count, d.policy.MaxCount)
	page, err := d.store.History(ctx, store.HistoryQuery{
		Type: r.Type, ID: r.ID, Filter: s.filter, Since: r.Since, At: r.At, Count: max(count, 1), After: r.After,
	})
	if err != nil {
		return nil, d.fault(err)
	}
	h := &HistoryResult{Total: page.Total, Next: page.Next, Count: count}
	if count == 0 {
		h.Next = ""
		return h, nil
	}
	for _, record := range page.Records {
		res, err := d.resource(ctx, record)
		if err != nil {
			return nil, err
		}
		h.Entries = append(h.Entries, res)
	}
	return h, nil
}

// historyOf reads the URL of a history in a bundle entry.
func historyOf(r route) (HistoryRequest, error) {
	h := HistoryRequest{Type: r.typ, ID: r.id}
	for _, p := range r.pairs {
		var err error
		switch p.Name {
		case "_since":
			h.Since, err = time.Parse(time.RFC3339Nano, p.Value)
		case "_at":
			h.At, err = parseAt(p.Value)
		case "_count":
			if h.Count, err = strconv.Atoi(p.Value); h.Count == 0 {
				h.Count = -1
			}
		case "_format":
		default:
			err = errors.New("unknown")
		}
		if err != nil {
			return h, fault.New(fault.Invalid, fault.CodeValue, "", "a history does not understand %s=%s: it takes _since (an instant), _at (a date or time) and _count", p.Name, p.Value)
		}
	}
	return h, nil
}

// parseAt reads a date or time of any precision as the moment it begins.
func parseAt(text string) (time.Time, error) {
	var err error
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01", "2006"} {
		var at time.Time
		if at, err = time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, err
}
