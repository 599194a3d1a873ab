package fhirapi

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// bundle serves POST [base]: batch and transaction (R4 §3.1.0.11).
func (c *call) bundle() error {
	if err := c.only(); err != nil {
		return err
	}
	content, err := c.content()
	if err != nil {
		return err
	}
	o := records.BundleOptions{Handling: c.handling(), Operation: c.entryOperation, Reads: c.entryReads}
	if o.Request, err = c.request(); err != nil {
		return err
	}
	if err := c.turn(); err != nil {
		return err
	}
	result, err := c.session.Bundle(c.r.Context(), content, o)
	if err != nil {
		return err
	}
	// What was committed is told as it is stored, whatever release is asked for.
	c.format.release = ""
	b := c.newBundle(result.Type)
	defer b.free()
	b.link("self", "", nil, "")
	b.grow(result)
	for i := range result.Entries {
		if err := b.responseEntry(&result.Entries[i]); err != nil {
			return c.committed(err)
		}
		result.Entries[i] = records.EntryResult{} // there may be thousands
	}
	if c.format.acceptable() != nil {
		c.format.raw = ""
	}
	if err := b.write(http.StatusOK); err != nil {
		return c.committed(err)
	}
	return nil
}

// grow makes room for the answers of a large bundle at once.
func (b *bundle) grow(result *records.BundleResult) {
	const around = 400 // what stands around a resource
	size := len(result.Entries) * around
	if b.c.prefer.returning == returnRepresentation {
		for i := range result.Entries {
			if r := result.Entries[i].Resource; r != nil {
				size += len(r.JSON)
			}
		}
	}
	if size > 1<<20 {
		b.buf = slices.Grow(b.buf, size)
	}
}

// committed answers a bundle that was processed but cannot be rendered: the
// client must not take it for failed.
func (c *call) committed(err error) error {
	c.api.config.Log.Error("a processed bundle cannot be rendered", "request", c.exchange.ID, "error", err)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// responseEntry writes the answer to one entry.
func (b *bundle) responseEntry(e *records.EntryResult) error {
	status, issues := e.Status, e.Issues
	if e.Err != nil {
		explained := web.Explain(e.Err)
		if explained.Kind == fault.Internal {
			b.c.api.config.Log.Error("entry failed", "request", b.c.exchange.ID, "error", e.Err)
		}
		issues = explained.Issues
		if status == 0 {
			status = web.Status(explained.Kind)
		}
	}
	b.entry()
	comma := func() {
		if last := b.buf[len(b.buf)-1]; last != '{' {
			b.buf = append(b.buf, ',')
		}
	}
	if e.Resource != nil && e.Key.ID != "" {
		b.fullURL(e.Resource)
	}
	if err := b.responseResource(e, comma); err != nil {
		return err
	}
	comma()
	b.buf = append(b.buf, `"response":{"status":"`...)
	b.buf = strconv.AppendInt(b.buf, int64(status), 10)
	if text := http.StatusText(status); text != "" {
		b.buf = append(b.buf, ' ')
		b.buf = append(b.buf, text...)
	}
	b.buf = append(b.buf, '"')
	if e.Location != "" {
		b.buf = append(b.buf, `,"location":"`...)
		b.buf = append(b.buf, b.c.door.Base()...)
		b.buf = append(b.buf, '/')
		b.buf = append(b.buf, e.Location...)
		b.buf = append(b.buf, '"')
	}
	b.tagged(e.Version, e.LastModified)
	asked := b.c.prefer.returning == returnOutcome && !reading(e)
	if asked && len(issues) == 0 {
		issues = []fault.Issue{note("All OK.")}
	}
	if e.Err != nil || asked || slices.ContainsFunc(issues, func(i fault.Issue) bool { return i.Severity == fault.Warning }) {
		b.buf = append(b.buf, `,"outcome":`...)
		b.outcome(issues)
	}
	b.buf = append(b.buf, `}}`...)
	return nil
}

func reading(e *records.EntryResult) bool {
	return e.Method == http.MethodGet || e.Method == http.MethodHead
}

func (b *bundle) responseResource(e *records.EntryResult, comma func()) error {
	switch {
	case e.Body != nil:
		comma()
		b.buf = append(b.buf, `"resource":`...)
		b.buf = append(b.buf, e.Body...)
		b.joins(e.BodyRelease, e.BodyMixed)
	case e.Search != nil:
		comma()
		b.buf = append(b.buf, `"resource":`...)
		return b.nestedSearch(e)
	case e.History != nil:
		comma()
		b.buf = append(b.buf, `"resource":`...)
		return b.nestedHistory(e)
	case e.Resource != nil && e.Resource.JSON != nil && (reading(e) || b.c.prefer.returning == returnRepresentation):
		comma()
		return b.resource(e.Resource, partOf(e.ReadOf))
	}
	return nil
}

// nested composes a Bundle inside this one.
func (b *bundle) nested(kind string, fill func(inner *bundle) error) error {
	inner := &bundle{c: b.c, buf: b.buf}
	inner.begin(kind)
	if err := fill(inner); err != nil {
		return err
	}
	inner.end()
	b.buf = inner.buf
	b.joins(inner.release, inner.mixed)
	return nil
}

// joins notes of what release, perhaps several, something inside the Bundle is;
// "" is any.
func (b *bundle) joins(release definitions.Release, mixed bool) {
	b.mixed = b.mixed || mixed || b.release != "" && release != "" && b.release != release
	if release != "" {
		b.release = release
	}
}

func (b *bundle) nestedSearch(e *records.EntryResult) error {
	return b.nested("searchset", func(inner *bundle) error {
		return inner.searchset(searchAddress(e.SearchOf.Type, e.SearchOf.Compartment), e.Search, "")
	})
}

func (b *bundle) nestedHistory(e *records.EntryResult) error {
	return b.nested("history", func(inner *bundle) error {
		if e.History.Total >= 0 {
			inner.total(e.History.Total)
		}
		at := historyAddress(e.HistoryOf.Type, e.HistoryOf.ID)
		inner.link("self", at, e.HistoryOf.Pairs, "")
		if e.History.Next != "" {
			inner.link("next", at, e.HistoryOf.Pairs, e.History.Next)
		}
		for i := range e.History.Entries {
			if err := inner.historyEntry(&e.History.Entries[i], partOf(e.ReadOf)); err != nil {
				return err
			}
		}
		return nil
	})
}
