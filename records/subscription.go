package records

import (
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

const subscriptionType fhir.Type = "Subscription"

// Statuses of a Subscription (R4 subscription-status).
const (
	statusRequested = "requested"
	statusActive    = "active"
	statusError     = "error"
	statusOff       = "off"
)

// backport begins the URLs of the extensions of the Subscriptions R5 Backport guide.
const backport = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"

// Media types of FHIR.
const (
	fhirJSON = "application/fhir+json"
	fhirXML  = "application/fhir+xml"
)

// Bounds of what a Subscription asks for.
const (
	attemptTime    = 10 * time.Second // of one attempt to deliver, unless it asks for another
	maxAttemptTime = 60 * time.Second
	minHeartbeat   = 5 * time.Second
	eventsAtOnce   = 100 // in one notification, unless it asks for fewer
	maxFilters     = 20
	maxHeaders     = 20
)

// subscription is a Subscription resource, read.
type subscription struct {
	id        fhir.ID
	release   definitions.Release
	version   int64
	status    string
	topic     string   // canonical; "" of one with criteria of its own
	criteria  []string // its own, or the filters of a topic
	target    notify.Target
	heartbeat time.Duration
	most      int // events in a notification
	end       time.Time
}

// readSubscription reads a Subscription of R4 or R4B, by R4's own rules or the guide's.
func readSubscription(tenant string, root fhir.Node) (*subscription, error) {
	channel, criteria := root.Child("channel"), root.Child("criteria")
	if criteria.IsZero() || channel.IsZero() {
		return nil, refuseSubscription("criteria", "this server has Subscriptions of R4 and R4B, with criteria and a channel: those of R5 it does not deliver")
	}
	id := root.Tree().ID()
	s := &subscription{
		id: id, release: root.Tree().Definitions().Release, status: root.Child("status").Text(), most: eventsAtOnce,
		target: notify.Target{
			Tenant: tenant, Subscription: id, Code: channel.Child("type").Text(), Endpoint: channel.Child("endpoint").Text(),
			Media: channel.Child("payload").Text(), Timeout: attemptTime,
		},
	}
	for h := range channel.All("header") {
		s.target.Headers = append(s.target.Headers, h.Text())
	}
	if coding := extensionOf(channel.Child("type"), "channel-type"); !coding.IsZero() {
		s.target.System, s.target.Code = coding.Child("system").Text(), coding.Child("code").Text()
	}
	if err := s.readPayload(channel); err != nil {
		return nil, err
	}
	text := criteria.Text()
	if url, _, query := strings.Cut(text, "?"); query || !strings.Contains(url, ":") {
		s.criteria = []string{text}
	} else {
		s.topic = text
		for e := range criteria.All("extension") {
			if e.Child("url").Text() == backport+"filter-criteria" {
				s.criteria = append(s.criteria, extensionValue(e).Text())
			}
		}
	}
	if len(s.criteria) > maxFilters || len(s.target.Headers) > maxHeaders {
		return nil, refuseSubscription("criteria", "a Subscription has up to %d filters and %d headers here", maxFilters, maxHeaders)
	}
	return s, s.readTimes(root, channel)
}

// readPayload reads how much is to be sent. Without the guide's extension R4's own rule
// says so: a payload's media type has the resource sent, none has nothing sent.
func (s *subscription) readPayload(channel fhir.Node) error {
	switch content := notify.Content(extensionOf(channel.Child("payload"), "payload-content").Text()); content {
	case notify.Empty, notify.IDOnly, notify.FullResource:
		s.target.Content = content
	case "":
		s.target.Content, s.target.Plain, s.most = notify.FullResource, true, 1
		if s.target.Media == "" {
			s.target.Content = notify.Empty
		}
	default:
		return refuseSubscription("channel.payload.extension", "%q is none of empty, id-only and full-resource", fault.Shorten(string(content)))
	}
	media, _, _ := strings.Cut(s.target.Media, ";")
	switch media = strings.ToLower(strings.TrimSpace(media)); media {
	case "application/fhir+json", "application/json", "json":
		s.target.Media = fhirJSON
	case "application/fhir+xml", "application/xml", "xml":
		s.target.Media = fhirXML
	case "":
		if !s.target.Plain {
			s.target.Media = fhirJSON
		}
	default:
		if s.target.Code == "email" { // people read it: what may be attached its channel says
			break
		}
		return refuseSubscription("channel.payload", "%q is no media type of FHIR: it is application/fhir+json or application/fhir+xml", fault.Shorten(media))
	}
	return nil
}

func (s *subscription) readTimes(root, channel fhir.Node) error {
	if t := seconds(channel, "heartbeat-period"); t > 0 {
		s.heartbeat = max(t, minHeartbeat)
	}
	if t := seconds(channel, "timeout"); t > 0 {
		s.target.Timeout = min(t, maxAttemptTime)
	}
	if n := number(extensionOf(channel, "max-count").Text()); n > 0 && !s.target.Plain {
		s.most = int(min(n, eventsAtOnce))
	}
	if text := root.Child("end").Text(); text != "" {
		end, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return refuseSubscription("end", "%q is no instant", fault.Shorten(text))
		}
		s.end = end
	}
	return nil
}

// extensionOf is the value of the guide's extension of an element.
func extensionOf(n fhir.Node, name string) fhir.Node {
	for e := range n.All("extension") {
		if e.Child("url").Text() == backport+name {
			return extensionValue(e)
		}
	}
	return fhir.Node{}
}

// extensionValue is value[x] of an extension.
func extensionValue(e fhir.Node) fhir.Node {
	for c := range e.Children() {
		if name := c.Name(); name != "url" && name != "extension" && name != "id" {
			return c
		}
	}
	return fhir.Node{}
}

func seconds(channel fhir.Node, name string) time.Duration {
	return time.Duration(number(extensionOf(channel, name).Text())) * time.Second
}

// number is a whole number below a million, 0 for what is none.
func number(text string) (n int64) {
	for _, c := range text {
		if c < '0' || c > '9' || n >= 1e6 {
			return 0
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// same says whether two say the same but for status and version.
func (s *subscription) same(o *subscription) bool {
	return s.release == o.release && s.topic == o.topic && slices.Equal(s.criteria, o.criteria) && s.target.Equal(o.target) && s.heartbeat == o.heartbeat && s.most == o.most && s.end.Equal(o.end)
}

// pulled says whether the subscriber fetches what there is, over a connection of its
// own making.
func (s *subscription) pulled() bool { return s.target.System == "" && s.target.Code == "websocket" }

// compile makes the criteria, and finds the topic if it has one.
func (s *subscription) compile(topics []subscribe.Topic, catalogs []*search.Catalog) (*subscribe.Criteria, *subscribe.Topic, error) {
	if s.topic == "" {
		c, err := subscribe.Plain(s.criteria[0], catalogs)
		return c, nil, err
	}
	at := slices.IndexFunc(topics, func(t subscribe.Topic) bool { return t.Is(s.topic) })
	if at < 0 {
		return nil, nil, refuseSubscription("criteria", "there is no topic %s here; the CapabilityStatement lists those that there are", fault.Shorten(s.topic))
	}
	c, err := topics[at].Compile(s.criteria, catalogs)
	return c, &topics[at], err
}

func refuseSubscription(element, format string, args ...any) error {
	return fault.New(fault.Unprocessable, fault.CodeBusinessRule, "Subscription."+element, format, args...)
}

// eventLog is the name of a subscription's log of events.
func eventLog(id fhir.ID) string { return "subscription/" + string(id) }

// event is one of a subscription, as the log keeps it: what the version says is read
// when it is told.
type event struct {
	Seq     store.Seq          `json:"seq"`
	Key     string             `json:"key"`
	Version int64              `json:"version"`
	At      time.Time          `json:"at"`
	By      notify.Interaction `json:"by"`
	// Former says that it is one because of how the version before was.
	Former bool `json:"former,omitempty"`
}
