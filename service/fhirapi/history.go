package fhirapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// history serves GET [base]/_history, [type]/_history and
// [type]/[id]/_history (R4 §3.1.0.12).
func (c *call) history() error {
	if err := c.only("_since", "_at", "_count", "_summary", "_elements", cursorName); err != nil {
		return err
	}
	if err := c.format.acceptable(); err != nil {
		return err
	}
	part, err := c.part()
	if err != nil {
		return err
	}
	req, err := c.historyRequest(c.pairs)
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded()
	defer cancel()
	result, err := c.session.History(ctx, req)
	if err != nil {
		return err
	}
	b := c.newBundle("history")
	defer b.free()
	b.total(result.Total)
	at := historyAddress(c.Type, c.ID)
	criteria, after := cutCursor(c.pairs)
	b.link("self", at, criteria, after)
	if after != "" {
		b.link("first", at, criteria, "")
	}
	if result.Next != "" {
		b.link("next", at, criteria, result.Next)
	}
	for i := range result.Entries {
		if err := b.historyEntry(&result.Entries[i], part); err != nil {
			return err
		}
	}
	return b.write(http.StatusOK)
}

func historyAddress(t fhir.Type, id fhir.ID) string {
	switch {
	case id != "":
		return "/" + string(t) + "/" + string(id) + "/_history"
	case t != "":
		return "/" + string(t) + "/_history"
	}
	return "/_history"
}

func (c *call) historyRequest(pairs []search.Pair) (records.HistoryRequest, error) {
	req := records.HistoryRequest{Type: c.Type, ID: c.ID}
	var err error
	for _, p := range pairs {
		switch p.Name {
		case "_since":
			req.Since, err = parseMoment(p)
		case "_at":
			req.At, err = parseMoment(p)
		case "_count":
			req.Count, err = parseCount(p)
		case cursorName:
			req.After = p.Value
		}
		if err != nil {
			return req, err
		}
	}
	if !req.Since.IsZero() && !req.At.IsZero() {
		return req, fault.New(fault.Invalid, fault.CodeInvalid, "", "_since and _at exclude each other; send one of them.")
	}
	return req, nil
}

func parseCount(p search.Pair) (int, error) {
	n, err := strconv.Atoi(p.Value)
	if err != nil || n < 1 {
		return 0, fault.New(fault.Invalid, fault.CodeValue, "", "%s must be a number above 0, not %q.", p.Name, shorten(p.Value))
	}
	return n, nil
}

// parseMoment reads an instant or a partial dateTime, which means its first
// moment; without an offset it is UTC. A '+' of an offset that was not escaped
// arrives as a space.
func parseMoment(p search.Pair) (time.Time, error) {
	value := []byte(p.Value)
	for i, b := range value {
		if b == ' ' {
			value[i] = '+'
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, string(value)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, fault.CodeValue, "", "%s must be an instant like 2024-05-01T12:00:00Z, not %q.", p.Name, shorten(p.Value))
}
