package notify

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Profiles of the guide for R4.
const (
	BundleProfile = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification-r4"
	StatusProfile = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"
)

// Bundle is the notification as JSON: a history Bundle whose first entry is the
// status, followed by the resources of its events unless the content is empty.
func (n *Notification) Bundle() ([]byte, error) {
	b := bundle{
		Type: "Bundle", ID: n.ID, Meta: meta{[]string{BundleProfile}}, Kind: "history", Timestamp: instant(n.At),
		Entries: []entry{{
			FullURL:  "urn:uuid:" + n.ID,
			Resource: n.Parameters(),
			Request:  request{http.MethodGet, n.Base + "/" + n.subscription() + "/$status"},
			Response: response{"200"},
		}},
	}
	if n.Content == Empty {
		return json.Marshal(b)
	}
	seen := map[fhir.Key]bool{}
	for _, e := range n.Events {
		b.Entries = append(b.Entries, n.entry(e))
		for _, r := range e.Context {
			if !seen[r.Key] {
				seen[r.Key] = true
				b.Entries = append(b.Entries, n.context(r))
			}
		}
	}
	return json.Marshal(b)
}

// Parameters is the status alone, as R4's Parameters of the profile StatusProfile.
func (n *Notification) Parameters() json.RawMessage {
	p := statusResource{Type: "Parameters", ID: n.ID, Meta: meta{[]string{StatusProfile}}}
	p.add(parameter{Name: "subscription", Reference: &reference{n.Base + "/" + n.subscription()}})
	if n.Topic != "" {
		p.add(parameter{Name: "topic", Canonical: n.Topic})
	}
	p.add(parameter{Name: "status", Code: n.Status}, parameter{Name: "type", Code: string(n.Kind)},
		parameter{Name: "events-since-subscription-start", String: strconv.FormatInt(n.Total, 10)})
	for _, e := range n.Events {
		one := parameter{Name: "notification-event", Parts: []parameter{
			{Name: "event-number", String: strconv.FormatInt(e.Number, 10)}, {Name: "timestamp", Instant: instant(e.At)},
		}}
		if n.Content != Empty {
			one.Parts = append(one.Parts, parameter{Name: "focus", Reference: &reference{n.Base + "/" + e.Focus.String()}})
			for _, r := range e.Context {
				one.Parts = append(one.Parts, parameter{Name: "additional-context", Reference: &reference{n.Base + "/" + r.Key.String()}})
			}
		}
		p.add(one)
	}
	for _, text := range n.Errors {
		p.add(parameter{Name: "error", Concept: &concept{text}})
	}
	body, err := json.Marshal(p)
	if err != nil { // strings and numbers alone
		panic(err)
	}
	return body
}

func (n *Notification) subscription() string { return "Subscription/" + string(n.Subscription) }

// entry is the focus of an event. That of a delete has no resource.
func (n *Notification) entry(e Event) entry {
	one := entry{FullURL: n.Base + "/" + e.Focus.String(), Request: request{http.MethodPut, e.Focus.String()}, Response: response{"200"}}
	switch e.Interaction {
	case Create:
		one.Request, one.Response = request{http.MethodPost, string(e.Focus.Type)}, response{"201"}
	case Delete:
		one.Request, one.Response = request{http.MethodDelete, e.Focus.String()}, response{"204"}
	case Update:
	}
	if n.Content == FullResource {
		one.Resource = e.JSON
	}
	return one
}

// context is what goes along with a focus.
func (n *Notification) context(r Resource) entry {
	one := entry{FullURL: n.Base + "/" + r.Key.String(), Request: request{http.MethodGet, r.Key.String()}, Response: response{"200"}}
	if n.Content == FullResource {
		one.Resource = r.JSON
	}
	return one
}

// instant is a time as FHIR writes it, in milliseconds.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

type bundle struct {
	Type      string  `json:"resourceType"`
	ID        string  `json:"id"`
	Meta      meta    `json:"meta"`
	Kind      string  `json:"type"`
	Timestamp string  `json:"timestamp"`
	Entries   []entry `json:"entry"`
}

type meta struct {
	Profile []string `json:"profile"`
}

type entry struct {
	FullURL  string          `json:"fullUrl"`
	Resource json.RawMessage `json:"resource,omitempty"`
	Request  request         `json:"request"`
	Response response        `json:"response"`
}

type request struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

type response struct {
	Status string `json:"status"`
}

type statusResource struct {
	Type  string      `json:"resourceType"`
	ID    string      `json:"id"`
	Meta  meta        `json:"meta"`
	Parts []parameter `json:"parameter"`
}

func (p *statusResource) add(some ...parameter) { p.Parts = append(p.Parts, some...) }

type parameter struct {
	Name      string      `json:"name"`
	String    string      `json:"valueString,omitempty"`
	Code      string      `json:"valueCode,omitempty"`
	Canonical string      `json:"valueCanonical,omitempty"`
	Instant   string      `json:"valueInstant,omitempty"`
	Reference *reference  `json:"valueReference,omitempty"`
	Concept   *concept    `json:"valueCodeableConcept,omitempty"`
	Parts     []parameter `json:"part,omitempty"`
}

type reference struct {
	Reference string `json:"reference"`
}

type concept struct {
	Text string `json:"text"`
}
