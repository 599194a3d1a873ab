package notify

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Profiles of notifications: the guide's for R4, where the status is a Parameters, and
// for R4B, where it is a SubscriptionStatus, which has no profile.
const (
	BundleProfileR4  = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification-r4"
	BundleProfileR4B = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification"
	StatusProfileR4  = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"
)

// Bundle is the notification as JSON: a history Bundle whose first entry is the
// status, followed by the resources of its events unless the content is empty.
func (n *Notification) Bundle() ([]byte, error) {
	profile := BundleProfileR4
	if n.Release == definitions.R4B {
		profile = BundleProfileR4B
	}
	b := bundle{
		Type: "Bundle", ID: n.ID, Meta: meta{[]string{profile}}, Kind: "history", Timestamp: instant(n.At),
		Entries: []entry{{
			FullURL:  "urn:uuid:" + n.ID,
			Resource: n.StatusResource(),
			Request:  request{http.MethodGet, n.Base + "/" + n.subscription() + "/$status"},
			Response: response{"200"},
		}},
	}
	if n.Content == Empty {
		return written(b)
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
	return written(b)
}

// written is b as JSON, in which resources have the characters that they are stored with.
func written(b bundle) ([]byte, error) {
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	err := to.Encode(b)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
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
