package fhirapi

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// bundle composes a Bundle by writing stored JSON straight into it. XML and
// pretty forms are made from that JSON at the end.
type bundle struct {
	c       *call
	buf     []byte
	links   int
	entries int
	release definitions.Release // of the entries
	mixed   bool                // they are of several releases
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 64<<10); return &b }}

// newBundle begins a Bundle. The caller frees it.
func (c *call) newBundle(kind string) *bundle {
	b := &bundle{c: c, buf: (*buffers.Get().(*[]byte))[:0]}
	b.begin(kind)
	return b
}

// free gives the buffer back; what was written must not be used any more.
func (b *bundle) free() {
	if cap(b.buf) <= 4<<20 {
		buffers.Put(&b.buf)
	}
}

func (b *bundle) begin(kind string) {
	b.buf = append(b.buf, `{"resourceType":"Bundle","meta":{"lastUpdated":"`...)
	b.buf = appendInstant(b.buf, b.c.api.config.Clock())
	b.buf = append(b.buf, `"},"type":"`...)
	b.buf = append(b.buf, kind...)
	b.buf = append(b.buf, '"')
}

func (b *bundle) total(n int64) {
	b.buf = append(b.buf, `,"total":`...)
	b.buf = strconv.AppendInt(b.buf, n, 10)
}

// link adds a link to an address below the base; the format that was asked
// for in the URL stays with it.
func (b *bundle) link(relation, address string, pairs []search.Pair, cursor string) {
	if b.links == 0 {
		b.buf = append(b.buf, `,"link":[`...)
	} else {
		b.buf = append(b.buf, ',')
	}
	b.links++
	b.buf = append(b.buf, `{"relation":"`...)
	b.buf = append(b.buf, relation...)
	b.buf = append(b.buf, `","url":"`...)
	b.buf = append(b.buf, b.c.door.Base()...)
	b.buf = append(b.buf, address...)
	all := pairs
	if raw := formatPairs(b.c.r.URL.RawQuery); len(raw) > 0 {
		all = append(append([]search.Pair(nil), pairs...), raw...)
	}
	separator := byte('?')
	if len(all) > 0 {
		b.buf = append(b.buf, separator)
		b.buf = appendQuery(b.buf, all)
		separator = '&'
	}
	if cursor != "" {
		b.buf = append(b.buf, separator)
		b.buf = append(b.buf, cursorName...)
		b.buf = append(b.buf, '=')
		b.buf = appendEscaped(b.buf, cursor)
	}
	b.buf = append(b.buf, `"}`...)
}

func formatPairs(raw string) []search.Pair {
	if raw == "" {
		return nil
	}
	all, err := parseQuery(raw)
	if err != nil {
		return nil // it was read before
	}
	var kept []search.Pair
	for _, p := range all {
		if p.Name == "_format" || p.Name == "_pretty" {
			kept = append(kept, p)
		}
	}
	return kept
}

// entry begins an entry; the caller closes it with '}'.
func (b *bundle) entry() {
	if b.entries == 0 {
		if b.links > 0 {
			b.buf = append(b.buf, ']')
		}
		b.buf = append(b.buf, `,"entry":[{`...)
	} else {
		b.buf = append(b.buf, `,{`...)
	}
	b.entries++
	b.c.resources++
}

func (b *bundle) fullURL(res *records.Resource) {
	release := res.Release
	if asked := b.c.format.release; asked != "" {
		release = asked
	}
	b.joins(release, false)
	b.buf = append(b.buf, `"fullUrl":"`...)
	b.buf = append(b.buf, b.c.door.Base()...)
	b.buf = append(b.buf, '/')
	b.buf = append(b.buf, res.Key.Type...)
	b.buf = append(b.buf, '/')
	b.buf = append(b.buf, res.Key.ID...)
	b.buf = append(b.buf, '"')
}

// resource writes the wanted part of a resource as entry.resource.
func (b *bundle) resource(res *records.Resource, part part) error {
	release, err := b.c.renderedAs(res.JSON, res.Release)
	if err != nil {
		return err
	}
	b.buf = append(b.buf, `"resource":`...)
	if part.whole() {
		b.buf = append(b.buf, res.JSON...)
		return nil
	}
	tree, err := b.c.tree(res.JSON, release)
	if err != nil {
		return err
	}
	if tree, err = part.cut(tree); err != nil {
		return err
	}
	b.buf = tree.Root().AppendJSON(b.buf)
	return nil
}

func (b *bundle) searchEntry(e *records.SearchEntry, part part) error {
	b.entry()
	b.fullURL(&e.Resource)
	if e.Fragment != "" {
		b.buf = append(append(b.buf[:len(b.buf)-1], '#'), e.Fragment...)
		b.buf = append(b.buf, '"')
	}
	b.buf = append(b.buf, ',')
	if err := b.resource(&e.Resource, part); err != nil {
		return err
	}
	b.buf = append(b.buf, `,"search":{`...)
	if e.Distance != nil {
		b.distance(*e.Distance)
	}
	b.buf = append(b.buf, `"mode":"`...)
	b.buf = append(b.buf, e.Mode...)
	b.buf = append(b.buf, `"}}`...)
	return nil
}

// distance writes the extension for how far a match of near lies away (R4
// extension location-distance), in kilometres to the metre.
func (b *bundle) distance(metres float64) {
	b.buf = append(b.buf, `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/location-distance","valueDistance":{"value":`...)
	b.buf = strconv.AppendFloat(b.buf, metres/1000, 'f', 3, 64)
	b.buf = append(b.buf, `,"unit":"km","system":"http://unitsofmeasure.org","code":"km"}}],`...)
}

// outcomeEntry tells the client what it should know about a search. Its
// fullUrl, which every entry of a searchset must have, names nothing that is
// stored.
func (b *bundle) outcomeEntry(issues []fault.Issue) {
	b.entry()
	b.buf = append(b.buf, `"fullUrl":"urn:uuid:`...)
	b.buf = append(b.buf, uuid.NewString()...)
	b.buf = append(b.buf, `","resource":`...)
	b.outcome(issues)
	b.buf = append(b.buf, `,"search":{"mode":"outcome"}}`...)
}

func (b *bundle) outcome(issues []fault.Issue) {
	b.buf = web.AppendOutcome(b.buf, issues, false, false)
	b.buf = b.buf[:len(b.buf)-1] // its newline
}

func (b *bundle) historyEntry(res *records.Resource, part part) error {
	b.entry()
	b.fullURL(res)
	if !res.Deleted {
		b.buf = append(b.buf, ',')
		if err := b.resource(res, part); err != nil {
			return err
		}
	}
	method, url, status := res.Method, res.Key.String(), "200"
	switch {
	case res.Deleted:
		method, status = http.MethodDelete, "204"
	case method == http.MethodPost:
		url, status = string(res.Key.Type), "201"
	case res.Begins:
		status = "201"
	}
	b.buf = append(b.buf, `,"request":{"method":"`...)
	b.buf = append(b.buf, method...)
	b.buf = append(b.buf, `","url":"`...)
	b.buf = append(b.buf, url...)
	b.buf = append(b.buf, `"},"response":{"status":"`...)
	b.buf = append(b.buf, status...)
	b.buf = append(b.buf, `","location":"`...)
	b.buf = append(b.buf, b.c.door.Base()...)
	b.buf = append(b.buf, '/')
	b.buf = append(b.buf, res.Key.String()...)
	b.buf = append(b.buf, `/_history/`...)
	b.buf = strconv.AppendInt(b.buf, res.Version, 10)
	b.buf = append(b.buf, '"')
	b.tagged(res.Version, res.Updated)
	b.buf = append(b.buf, `}}`...)
	return nil
}

// tagged writes etag and lastModified of a response.
func (b *bundle) tagged(version int64, updated time.Time) {
	if version > 0 {
		b.buf = append(b.buf, `,"etag":"W/\"`...)
		b.buf = strconv.AppendInt(b.buf, version, 10)
		b.buf = append(b.buf, `\""`...)
	}
	if !updated.IsZero() {
		b.buf = append(b.buf, `,"lastModified":"`...)
		b.buf = appendInstant(b.buf, updated)
		b.buf = append(b.buf, '"')
	}
}

func (b *bundle) end() {
	if b.entries > 0 || b.links > 0 {
		b.buf = append(b.buf, ']')
	}
	b.buf = append(b.buf, '}')
}

// write ends the Bundle and answers with it.
func (b *bundle) write(status int) error {
	b.end()
	return b.c.writeBundle(status, b.buf, b.holds(), b.mixed)
}

// holds is the release of the entries, or what was asked for.
func (b *bundle) holds() definitions.Release {
	if b.release == "" {
		return b.c.format.release
	}
	return b.release
}

// writeBundle answers with a resource of this server's making, which may hold
// others of several releases.
func (c *call) writeBundle(status int, body []byte, release definitions.Release, mixed bool) error {
	body, err := c.renderBundle(body, release, mixed)
	if err != nil {
		return err
	}
	c.writeBody(status, body)
	return nil
}

// renderBundle brings such a resource into the negotiated form.
func (c *call) renderBundle(body []byte, release definitions.Release, mixed bool) ([]byte, error) {
	if mixed && c.format.xml {
		return nil, fault.New(fault.NotAcceptable, fault.CodeNotSupported, "",
			"This Bundle holds resources of several FHIR releases, which this server writes as JSON only; ask for application/fhir+json.")
	}
	if mixed {
		release = "" // it has no label
	}
	return c.render(body, release, part{})
}

// appendInstant writes an instant with milliseconds.
func appendInstant(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}
