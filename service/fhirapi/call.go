package fhirapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// call is one request at a FHIR base.
type call struct {
	api      *API
	w        http.ResponseWriter
	r        *http.Request
	exchange *web.Exchange
	door     *records.Door
	session  *records.Session

	target
	endpoint *endpoint
	format   format
	prefer   preferences
	pairs    []search.Pair // of the URL, in order, without _format and _pretty

	path       string       // below the base
	trail      *audit.Trail // what is touched; nil when nothing is recorded
	expected   bool         // by the audit log, to bring an event
	posted     string       // form of a search
	refusal    string       // why nothing is answered, for the audit log
	unobserved bool         // nothing is recorded of this request

	resources int64 // that the answer holds
}

// target is what the path names.
type target struct {
	Type    fhir.Type
	ID      fhir.ID
	Version string
	Op      string    // operation, without $
	rest    string    // of the address, behind the operation
	Within  *fhir.Key // compartment; Type "" then means all types in it
}

func (t target) key() fhir.Key { return fhir.Key{Type: t.Type, ID: t.ID} }

func (a *API) serve(w http.ResponseWriter, r *http.Request, tenant, path string) {
	c := &call{api: a, w: w, r: r, exchange: web.From(r.Context()), path: path}
	defer c.unexpect()
	err := c.serve(tenant, path)
	if err != nil {
		c.challenge(err)
		c.refused(err)
		web.Fail(w, r, err)
	}
	if a.config.Traced != nil && c.door != nil && c.exchange != nil {
		a.config.Traced(r, c.door, path, c.exchange.Status(), err)
	}
}

func (c *call) serve(tenant, path string) error {
	door, ok := c.api.config.Tenants.Door(tenant)
	if !ok {
		return errTenant()
	}
	c.door = door
	c.observe()
	if c.exchange != nil {
		c.exchange.After = func(status int, bytes int64) {
			c.countUse(status, bytes)
			c.tellHidden()
		}
	}
	admitted := c.cors(path)
	pairs, err := parseQuery(c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	c.prefer = parsePrefer(c.r.Header.Values("Prefer"))
	if c.format, c.pairs, err = negotiate(c.r.Header, pairs, c.loaded); err != nil {
		return err
	}
	c.exchange.XML, c.exchange.Pretty, c.exchange.Browser = c.format.xml, c.format.pretty, c.format.browser
	public := c.r.Method == http.MethodOptions || strings.Trim(path, "/") == "metadata"
	c.unobserved = public
	if !public {
		if err := c.authenticate(); err != nil {
			return err
		}
		if err := c.admit(); err != nil {
			return err
		}
		if err := c.limit(); err != nil {
			return err
		}
	}
	shape, target, err := c.match(path)
	if err != nil {
		return err
	}
	c.target = target
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if method == http.MethodOptions {
		c.exchange.Route = "options"
		return c.options(shape, admitted)
	}
	c.endpoint = shape.endpoints[method]
	if c.endpoint == nil {
		c.exchange.Route = "none"
		c.w.Header().Set("Allow", shape.allow)
		return fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "",
			"%s is not possible here; possible: %s.", c.r.Method, shape.allow)
	}
	c.exchange.Route = c.endpoint.name
	return c.endpoint.serve(c)
}

func errTenant() error {
	return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no tenant of that name on this server.")
}

func (c *call) loaded(r definitions.Release) bool {
	d := c.door.Definitions(r)
	return d != nil && d.Release == r
}

// definitions are those of a release, the primary ones for "".
func (c *call) definitions(r definitions.Release) *definitions.Definitions {
	if d := c.door.Definitions(r); d != nil {
		return d
	}
	return c.door.Definitions("")
}

// handling is what the request says about unknown parameters.
func (c *call) handling() records.Handling { return c.prefer.handling }

// lenient says whether unknown parameters are to be ignored.
func (c *call) lenient() bool {
	switch c.prefer.handling {
	case records.HandlingLenient:
		return true
	case records.HandlingStrict:
		return false
	}
	return c.door.Policy().LenientSearch
}

// only refuses query parameters that are given twice, and, unless the client
// asked for leniency, those beyond names.
func (c *call) only(names ...string) error {
	if len(c.pairs) == 0 {
		return nil
	}
	if err := (parameters{pairs: c.pairs}).once(names...); err != nil || c.lenient() {
		return err
	}
next:
	for _, p := range c.pairs {
		for _, name := range names {
			if p.Name == name {
				continue next
			}
		}
		known := append([]string{"_format", "_pretty"}, names...)
		return fault.New(fault.Invalid, fault.CodeNotSupported, "",
			"The parameter %q means nothing to %s. Known here: %s. Send 'Prefer: handling=lenient' to have it ignored.",
			fault.Shorten(p.Name), c.endpoint.name, strings.Join(known, ", "))
	}
	return nil
}

// value returns the last value of a query parameter.
func (c *call) value(name string) (string, bool) {
	for i := len(c.pairs) - 1; i >= 0; i-- {
		if c.pairs[i].Name == name {
			return c.pairs[i].Value, true
		}
	}
	return "", false
}

// request is what a write is told of its request.
func (c *call) request() (records.Request, error) {
	req := records.Request{ID: c.exchange.ID}
	if p := c.r.Header.Get("X-Provenance"); p != "" {
		req.Provenance = &records.Content{JSON: []byte(p)}
		if strings.HasPrefix(strings.TrimSpace(p), "<") {
			req.Provenance = &records.Content{XML: []byte(p)}
		}
	}
	return req, nil
}

// listed is the value of a header that is a list, which may come in several lines
// (RFC 9110 §5.3).
func (c *call) listed(name string) (value string, there bool) {
	lines := c.r.Header.Values(name)
	return strings.TrimSpace(strings.Join(lines, ",")), len(lines) > 0
}

// precondition reads If-Match and If-None-Match of a write.
func (c *call) precondition() (records.Precondition, error) {
	var p records.Precondition
	if v, there := c.listed("If-Match"); there {
		p.IfMatch = records.ParseETags(v)
		if len(p.IfMatch) == 0 { // whoever sends it does not want to write over just anything
			return p, fault.New(fault.Invalid, fault.CodeValue, "", `If-Match holds no entity tag; it looks like this: If-Match: W/"3"`)
		}
	}
	if v, there := c.listed("If-None-Match"); there {
		if v != "*" {
			return p, fault.New(fault.Invalid, fault.CodeNotSupported, "",
				"A write can only say 'If-None-Match: *' (do not replace what exists); to write over a known version send If-Match.")
		}
		p.IfNoneMatch = v
	}
	return p, nil
}

// readOptions reads If-None-Match and If-Modified-Since of a read.
func (c *call) readOptions() records.ReadOptions {
	var o records.ReadOptions
	if v, _ := c.listed("If-None-Match"); v != "" {
		o.IfNoneMatch = records.ParseETags(v)
	} else if v := c.r.Header.Get("If-Modified-Since"); v != "" {
		// A date that cannot be read is ignored (RFC 9110 §13.1.3).
		if t, err := http.ParseTime(v); err == nil {
			o.IfModifiedSince = t
		}
	}
	return o
}

// stamp sets the headers that tell a version.
func (c *call) stamp(version int64, updated time.Time) {
	h := c.w.Header()
	if version > 0 {
		h.Set("ETag", records.ETag(version))
	}
	if !updated.IsZero() {
		h.Set("Last-Modified", updated.UTC().Format(http.TimeFormat))
	}
}
