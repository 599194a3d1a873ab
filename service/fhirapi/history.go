package fhirapi

import (
	"net/http"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

var historyParameters = []string{"_since", "_at", "_count", "_summary", "_elements", cursorName}

// history serves GET [base]/_history, [type]/_history and
// [type]/[id]/_history (R4 §3.1.0.12).
func (c *call) history() error {
	req, err := c.historyRequest(c.pairs)
	if err != nil {
		return err
	}
	if err := c.only(historyParameters...); err != nil {
		return err
	}
	if err := c.format.acceptable(); err != nil {
		return err
	}
	part, err := c.part(c.Type)
	if err != nil {
		return err
	}
	ctx, cancel, err := c.bounded(c.api.config.History)
	if err != nil {
		return err
	}
	defer cancel()
	result, err := c.session.History(ctx, req)
	if err != nil {
		return err
	}
	b := c.newBundle("history")
	defer b.free()
	if result.Total >= 0 {
		b.total(result.Total)
	}
	at := historyAddress(c.Type, c.ID)
	used := slices.DeleteFunc(slices.Clone(c.pairs), func(p search.Pair) bool { return !slices.Contains(historyParameters, p.Name) })
	criteria, after := cutCursor(used)
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
	req, count := records.HistoryRequest{Type: c.Type, ID: c.ID}, false
	for _, p := range pairs {
		if _, err := req.Take(p); err != nil {
			return req, err
		}
		switch {
		case p.Name == cursorName:
			req.After = p.Value
		case p.Name == "_summary" && p.Value == string(search.SummaryCount):
			count = true
		}
	}
	if count {
		req.Count = -1
	}
	return req, nil
}
