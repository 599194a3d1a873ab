package records

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// HistoryRequest selects versions: of one resource (Type and ID), of a type,
// or of all.
type HistoryRequest struct {
	Type  fhir.Type
	ID    fhir.ID
	Since time.Time     // zero: from the start
	At    time.Time     // zero, or: only what was current at some moment from here
	AtEnd time.Time     // to here, both inclusive
	Count int           // 0: as policy says; -1: none, only the total
	After string        // Next of the page before
	Pairs []search.Pair // as they were sent, for the links
}

// HistoryResult is one page of versions, newest first. Deletes have no JSON.
type HistoryResult struct {
	Entries []Resource
	Total   int64 // -1 when it is not known, since the session may not see everything
	Next    string
	Count   int // page size in force
}

// History returns one page of versions. For an instance that never was, the
// error is NotFound. A session that does not see everything gets of each
// resource that it sees the versions that it would have seen, so that a page may
// have fewer than were asked for; of deleted ones only by their id.
func (s *Session) History(ctx context.Context, r HistoryRequest) (*HistoryResult, error) {
	ctx, pass := span.Start(ctx, "door history")
	defer pass.End()
	d := s.door
	reading, err := s.permitHistory(ctx, r)
	if err != nil {
		return nil, err
	}
	after, err := d.cursors.open(r.After)
	if err != nil {
		return nil, d.fault(err)
	}
	count := r.Count
	switch {
	case count == 0:
		count = d.policy.DefaultCount
	case count < 0:
		count = 0
	}
	count = min(count, d.policy.MaxCount)
	q := store.HistoryQuery{
		Type: r.Type, ID: r.ID, Since: r.Since, At: r.At, AtEnd: r.AtEnd, Count: max(count, 1), Bytes: d.pageBytes(), After: after,
	}
	if r.ID == "" {
		q.Filter = s.filter(typesOf(r.Type), reading)
	}
	if err := s.spendOn(ctx, q.Count); err != nil {
		return nil, err
	}
	page, err := d.store.History(ctx, q)
	if err != nil {
		return nil, d.fault(err)
	}
	h := &HistoryResult{Total: page.Total, Next: d.cursors.seal(page.Next), Count: count}
	if s.filter(typesOf(r.Type), reading) != nil {
		if page.Records, err = s.shown(ctx, page.Records, reading); err != nil {
			return nil, d.fault(err)
		}
		if h.Total, err = s.historyTotal(ctx, q, page, reading); err != nil {
			return nil, d.fault(err)
		}
	}
	if count == 0 {
		h.Next = ""
		return h, nil
	}
	deleted := make(map[string]bool, len(page.Records))
	for _, record := range page.Records {
		deleted[location(headOf(record))] = record.Deleted
	}
	for _, record := range page.Records {
		res, err := s.resource(ctx, record)
		if errors.Is(err, errWithheld) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if res.Begins, err = s.begins(ctx, record, deleted); err != nil {
			return nil, d.fault(err)
		}
		h.Entries = append(h.Entries, res)
	}
	return h, nil
}

// permitHistory refuses a history that access does not allow, and says as which
// interaction it counts.
func (s *Session) permitHistory(ctx context.Context, r HistoryRequest) (smart.Interactions, error) {
	if r.ID == "" {
		return smart.Search, s.may(r.Type, smart.Search)
	}
	_, err := s.visible(ctx, s.door.store, fhir.Key{Type: r.Type, ID: r.ID}, smart.Read)
	return smart.Read, err
}

// shown keeps the versions that the session may see.
func (s *Session) shown(ctx context.Context, records []store.Record, i smart.Interactions) ([]store.Record, error) {
	kept := records[:0]
	for _, r := range records {
		shown, err := s.shows(ctx, s.door.store, r, i)
		if err != nil {
			return nil, err
		}
		if shown {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

// formerLooked bounds the former versions that are read for the total of a history.
const formerLooked = 1_000

// historyTotal is the number of the versions that a page of a history counts and the
// session may see as they were: the current ones, and of the former ones those that
// pass, each of which has to be read; -1 when these are many.
func (s *Session) historyTotal(ctx context.Context, q store.HistoryQuery, page store.HistoryPage, i smart.Interactions) (int64, error) {
	if page.Former > formerLooked {
		return -1, nil
	}
	total := page.Total - page.Former
	q.Former, q.Count, q.After = true, formerLooked, ""
	for more := page.Former > 0; more; more = q.After != "" {
		formers, err := s.door.store.History(ctx, q)
		if err != nil {
			return 0, err
		}
		shown, err := s.shown(ctx, formers.Records, i)
		if err != nil {
			return 0, err
		}
		total += int64(len(shown))
		q.After = formers.Next
	}
	return total, nil
}

// typesOf is a type as queries list it, "" being all.
func typesOf(t fhir.Type) []string {
	if t == "" {
		return nil
	}
	return []string{string(t)}
}

// begins says whether a version created its resource, for the first time or
// after a delete. deleted tells which versions are deletes, as far as known.
func (s *Session) begins(ctx context.Context, r store.Record, deleted map[string]bool) (bool, error) {
	if r.Version == 1 || r.Deleted || r.Method != http.MethodPut {
		return r.Version == 1, nil
	}
	before := headOf(r)
	before.Version--
	if gone, known := deleted[location(before)]; known {
		return gone, nil
	}
	previous, err := s.door.store.ReadVersion(ctx, r.Key, before.Version)
	if errors.Is(err, store.ErrNotFound) { // expunged
		return false, nil
	}
	return previous.Deleted, err
}

// historyOf reads the URL of a history in a bundle entry; part are its _summary and
// _elements.
func (s *Session) historyOf(r route, handling Handling) (h HistoryRequest, part []search.Pair, err error) {
	h = HistoryRequest{Type: r.typ, ID: r.id, Pairs: r.pairs}
	count := false
	for _, p := range r.pairs {
		known, err := h.Take(p)
		if err != nil {
			return h, nil, err
		}
		switch {
		case known:
		case p.Name == "_summary" && p.Value == string(search.SummaryCount):
			count = true
		default:
			part = append(part, p)
		}
	}
	if count {
		h.Count = -1
	}
	part, err = s.partParameters("a history", "_since, _at, _count, _summary and _elements", r.typ, part, handling)
	return h, part, err
}

// Take sets what one of the parameters _since, _at and _count says
// (R4 §3.1.0.12), and refuses _list; known is false for any other. A _count of 0
// asks for the total only.
func (h *HistoryRequest) Take(p search.Pair) (known bool, err error) {
	if p.Name == "_since" && !h.Since.IsZero() || p.Name == "_at" && !h.At.IsZero() || p.Name == "_count" && h.Count != 0 {
		return true, fault.New(fault.Invalid, fault.CodeInvalid, "", "%s is given twice", p.Name)
	}
	switch p.Name {
	case "_since":
		h.Since, _, err = moments(p)
	case "_at":
		h.At, h.AtEnd, err = moments(p)
	case "_count":
		h.Count, err = strconv.Atoi(p.Value)
		switch {
		case err != nil || h.Count < 0:
			err = fault.New(fault.Invalid, fault.CodeValue, "", "_count is a whole number of versions a page, not %q", fault.Shorten(p.Value))
		case h.Count == 0:
			h.Count = -1
		}
	case "_list":
		err = fault.New(fault.Invalid, fault.CodeNotSupported, "",
			"the history of what a List refers to (_list) is not kept: ask for the history of each of its resources, or search with _list for the versions that are current")
	default:
		return false, nil
	}
	if err == nil && !h.Since.IsZero() && !h.At.IsZero() {
		err = fault.New(fault.Invalid, fault.CodeInvalid, "", "_since and _at exclude each other: send one of them")
	}
	return true, err
}

// moments reads a date or time of any precision as the first and the last
// microsecond it stands for; without an offset it is UTC. The '+' of an offset
// that was not escaped arrives as a space.
func moments(p search.Pair) (first, last time.Time, err error) {
	r, ok := search.ParseTime(strings.ReplaceAll(p.Value, " ", "+"))
	if !ok {
		return first, last, fault.New(fault.Invalid, fault.CodeValue, "",
			"%s is a date or time like 2024, 2024-05-01 or 2024-05-01T12:00:00Z, not %q", p.Name, fault.Shorten(p.Value))
	}
	return time.UnixMicro(r.Lo).UTC(), time.UnixMicro(r.Hi - 1).UTC(), nil
}
