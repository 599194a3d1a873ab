package fhirapi

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// observe has an event recorded before the answer leaves, whatever the answer is
// and whoever makes it. What the request touches the door notes on a trail. Of an
// answer that leaves piece by piece further events tell what came after.
func (c *call) observe() {
	log := c.door.Audit()
	if log == nil {
		return
	}
	log.Expect()
	c.expected = true
	c.trail = &audit.Trail{}
	c.r = c.r.WithContext(audit.WithTrail(c.r.Context(), c.trail))
	recorded := false
	c.exchange.Before = func(status int) error {
		gone := c.trail.Gone()
		if c.unobserved || (recorded || gone == status) && !c.trail.Grew() {
			return nil
		}
		e := c.event(c.trail, status)
		if recorded || gone != 0 {
			e.Note = "continued"
		}
		recorded = true
		if err := log.Record(c.r.Context(), e); err != nil {
			return fault.Wrap(err, fault.Unavailable, fault.CodeTransient, "",
				"The audit log cannot be written, and without it nothing leaves this server. If this request was to change something, look whether it did, and try again later.")
		}
		return nil
	}
}

// unexpect ends what observe let the log expect.
func (c *call) unexpect() {
	if c.expected {
		c.expected = false
		c.door.Audit().Unexpect()
	}
}

// foretell lets the event of the change that is about to be made go along in its
// transaction, with the status that the answer will have. Should it get another one,
// a further event tells that.
func (c *call) foretell(status func(created bool) int) {
	c.trail.Foretell(func(t *audit.Trail, created bool) *audit.Event {
		c.unexpect()
		return c.event(t, status(created))
	})
}

// admit refuses what must wait while the audit log has no room but its reserve.
func (c *call) admit() error {
	log := c.door.Audit()
	if log == nil {
		return nil
	}
	urgent := c.api.config.Authenticate == nil || c.session.Principal().Urgent
	if err := log.Admit(urgent); err != nil {
		c.unobserved = true // what is left is for those whose work goes on
		return fault.Wrap(err, fault.Unavailable, fault.CodeNoStore, "",
			"The disk of the audit log is full. Until there is room only those who treat patients can go on; nothing was changed.")
	}
	return nil
}

// event is what is recorded of the request, of what a trail has touched.
func (c *call) event(t *audit.Trail, status int) *audit.Event {
	e := &audit.Event{Kind: c.kind(), Status: status, Request: c.exchange.ID, Target: c.asked()}
	if c.session != nil {
		e.Agent = c.session.Principal().Agent
	}
	e.Agent.Address = web.AddressOf(c.r)
	if c.refusal != "" {
		t.Because(c.refusal)
	}
	e.Query = bounded(withoutSecrets(c.r.URL.RawQuery), maxQuery)
	if c.posted != "" {
		e.Query = bounded(strings.TrimPrefix(e.Query+"&"+withoutSecrets(c.posted), "&"), maxQuery)
	}
	c.askFor(t, e.Query)
	t.Tell(e)
	if c.session == nil {
		return e
	}
	if c.throughGlass(e) {
		e.Agent.Purpose = "BTG"
	}
	c.session.Justify(c.r.Context(), e, c.Type)
	return e
}

// throughGlass says whether the event is about a patient for whom the glass is
// broken.
func (c *call) throughGlass(e *audit.Event) bool {
	if e.Kind == audit.BreakGlass {
		return true
	}
	return slices.ContainsFunc(c.session.Principal().Broken, func(g records.Glass) bool {
		return slices.ContainsFunc(e.Patients, func(p audit.Patient) bool { return p.Key == "Patient/"+string(g.Patient) })
	})
}

// Bounds of what an event keeps of a request.
const (
	maxQuery  = 4096
	maxTarget = 256
)

func bounded(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// kind is the interaction, of what names none that of its method.
func (c *call) kind() audit.Kind {
	name := ""
	if c.endpoint != nil {
		name, _, _ = strings.Cut(c.endpoint.name, "-")
	}
	switch {
	case c.Op == "break-glass":
		return audit.BreakGlass
	case name == "":
	case name == "capabilities":
		return audit.Read
	default:
		return audit.Kind(name)
	}
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		return audit.Read
	case http.MethodPut:
		return audit.Update
	case http.MethodPatch:
		return audit.Patch
	case http.MethodDelete:
		return audit.Delete
	}
	return audit.Operation
}

// asked is the address below the base.
func (c *call) asked() string { return bounded(strings.Trim(c.path, "/"), maxTarget) }

// askFor notes for which patients the request asks, whatever comes of it.
func (c *call) askFor(t *audit.Trail, query string) {
	if c.Within != nil {
		t.Ask(*c.Within)
	}
	t.Ask(c.key())
	if query == "" || !strings.Contains(query, "patient") && !strings.Contains(query, "subject") {
		return
	}
	pairs, err := parseQuery(query)
	if err != nil {
		return // it was refused, and told so
	}
	for _, p := range pairs {
		name, _, _ := strings.Cut(p.Name, ":")
		if name != "patient" && name != "subject" {
			continue
		}
		for id := range strings.SplitSeq(p.Value, ",") {
			id = strings.TrimPrefix(strings.TrimPrefix(id, c.door.Base()+"/"), "Patient/")
			if name == "patient" || strings.Contains(p.Value, "Patient/") {
				t.Ask(fhir.Key{Type: "Patient", ID: fhir.ID(id)})
			}
		}
	}
}

// withoutSecrets leaves out of a query what some clients put there against the
// rules (RFC 6750 §2.3).
func withoutSecrets(query string) string {
	if !strings.Contains(query, "token") && !strings.Contains(query, "secret") && !strings.Contains(query, "%") {
		return query
	}
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil && (strings.Contains(plain, "token") || strings.Contains(plain, "secret")) {
			continue
		}
		kept = append(kept, pair)
	}
	return strings.Join(kept, "&")
}

// refused notes why a request is refused, in the code of its OperationOutcome: the
// words may hold what was sent.
func (c *call) refused(err error) {
	e := web.Explain(err)
	c.refusal = string(e.Issues[0].Code)
	if errors.Is(err, records.ErrScope) {
		c.refusal = records.InsufficientScope
	}
}
