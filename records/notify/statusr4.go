package notify

import "strconv"

// parameters is the status as R4 has it.
func (n *Notification) parameters() *parametersResource {
	p := &parametersResource{Type: "Parameters", ID: n.ID, Meta: meta{[]string{StatusProfileR4}}}
	p.add(parameter{Name: "subscription", Reference: n.refer(n.subscription())})
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
			one.Parts = append(one.Parts, parameter{Name: "focus", Reference: n.refer(e.Focus.String())})
			for _, r := range e.Context {
				one.Parts = append(one.Parts, parameter{Name: "additional-context", Reference: n.refer(r.Key.String())})
			}
		}
		p.add(one)
	}
	for _, text := range n.Errors {
		p.add(parameter{Name: "error", Concept: &concept{text}})
	}
	return p
}

type parametersResource struct {
	Type  string      `json:"resourceType"`
	ID    string      `json:"id"`
	Meta  meta        `json:"meta"`
	Parts []parameter `json:"parameter"`
}

func (p *parametersResource) add(some ...parameter) { p.Parts = append(p.Parts, some...) }

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
