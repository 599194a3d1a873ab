package fhirapi

import (
	"net/http"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fhir"
)

// cursorName is the parameter that paging links carry. Its value is opaque
// and belongs to one query.
const cursorName = search.CursorParameter

// search serves GET [base]?, [base]/[type]? and
// [base]/[compartment]/[id]/[type]? (R4 §3.1.0.9).
func (c *call) search() error {
	return c.answerSearch(c.pairs)
}

// searchPosted serves POST .../_search: criteria in a form, and in the URL.
func (c *call) searchPosted() error {
	m, err := c.mediaType()
	if err != nil {
		return err
	}
	pairs := c.pairs
	if hasBody(c.r) {
		if m.name != "application/x-www-form-urlencoded" {
			return errContentType(m.name, "application/x-www-form-urlencoded")
		}
		body, err := web.ReadBody(c.r)
		if err != nil {
			return err
		}
		form, err := parseQuery(string(body))
		if err != nil {
			return err
		}
		f, kept, err := negotiate(c.r.Header, form, c.loaded)
		if err != nil {
			return err
		}
		if len(kept) != len(form) { // the form says _format or _pretty, which counts more than Accept
			c.format = f
			c.exchange.XML, c.exchange.Pretty, c.exchange.Browser = f.xml, f.pretty, f.browser
		}
		pairs, c.posted = append(pairs, kept...), string(body)
	}
	return c.answerSearch(pairs)
}

func (c *call) answerSearch(pairs []search.Pair) error {
	if err := c.format.acceptable(); err != nil {
		return err
	}
	criteria, after := cutCursor(pairs)
	criteria, explain, err := cutExplain(criteria)
	if err != nil {
		return err
	}
	criteria, incomplete, err := cutIndexing(criteria)
	if err != nil {
		return err
	}
	req := records.SearchRequest{
		Type: c.Type, Compartment: c.Within, Pairs: criteria, After: after, Handling: c.handling(), Release: c.format.release,
		Partial: incomplete,
	}
	if explain {
		return c.explain(req)
	}
	ctx, cancel, err := c.bounded(c.api.config.Patience)
	if err != nil {
		return err
	}
	defer cancel()
	result, err := c.session.Search(ctx, req)
	if err != nil {
		return err
	}
	return c.writeSearch(result, after)
}

// cutCursor takes the paging cursor out of pairs.
func cutCursor(pairs []search.Pair) (criteria []search.Pair, cursor string) {
	found := false
	for _, p := range pairs {
		if p.Name == cursorName {
			found, cursor = true, p.Value
		}
	}
	if !found {
		return pairs, ""
	}
	for _, p := range pairs {
		if p.Name != cursorName {
			criteria = append(criteria, p)
		}
	}
	return criteria, cursor
}

// writeSearch renders a searchset.
func (c *call) writeSearch(result *records.SearchResult, after string) error {
	b := c.newBundle("searchset")
	defer b.free()
	if err := b.searchset(searchAddress(c.Type, c.Within), result, after); err != nil {
		return err
	}
	return b.write(http.StatusOK)
}

// searchset fills a Bundle with the page of results that lies at an address
// behind the cursor after.
func (b *bundle) searchset(at string, result *records.SearchResult, after string) error {
	if result.Total >= 0 {
		b.total(result.Total)
	}
	b.link("self", at, result.Self, after)
	if after != "" {
		b.link("first", at, result.Self, "")
	}
	if result.Next != "" {
		b.link("next", at, result.Self, result.Next)
	}
	part := part{summary: result.Summary, elements: result.Elements}
	for i := range result.Entries {
		if err := b.searchEntry(&result.Entries[i], part); err != nil {
			return err
		}
	}
	if issues := slices.Concat(result.Issues, b.c.brokenNotes()); len(issues) > 0 {
		b.outcomeEntry(issues)
	}
	return nil
}

// searchAddress is the address of a search below the base, for its links.
func searchAddress(t fhir.Type, within *fhir.Key) string {
	switch {
	case within != nil && t == "":
		return "/" + within.String() + "/*"
	case within != nil:
		return "/" + within.String() + "/" + string(t)
	case t != "":
		return "/" + string(t)
	}
	return ""
}
