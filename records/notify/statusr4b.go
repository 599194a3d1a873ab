package notify

import "strconv"

// subscriptionStatus is the status as R4B has it.
func (n *Notification) subscriptionStatus() *subscriptionStatus {
	s := &subscriptionStatus{
		Type: "SubscriptionStatus", ID: n.ID, Status: n.Status, Kind: string(n.Kind), Total: strconv.FormatInt(n.Total, 10),
		Subscription: n.refer(n.subscription()), Topic: n.Topic,
	}
	for _, e := range n.Events {
		one := notificationEvent{Number: strconv.FormatInt(e.Number, 10), At: instant(e.At)}
		if n.Content != Empty {
			one.Focus = n.refer(e.Focus.String())
			for _, r := range e.Context {
				one.Context = append(one.Context, n.refer(r.Key.String()))
			}
		}
		s.Events = append(s.Events, one)
	}
	for _, text := range n.Errors {
		s.Errors = append(s.Errors, concept{text})
	}
	return s
}

type subscriptionStatus struct {
	Type         string              `json:"resourceType"`
	ID           string              `json:"id"`
	Status       string              `json:"status"`
	Kind         string              `json:"type"`
	Total        string              `json:"eventsSinceSubscriptionStart"`
	Events       []notificationEvent `json:"notificationEvent,omitempty"`
	Subscription *reference          `json:"subscription"`
	Topic        string              `json:"topic,omitempty"`
	Errors       []concept           `json:"error,omitempty"`
}

type notificationEvent struct {
	Number  string       `json:"eventNumber"`
	At      string       `json:"timestamp"`
	Focus   *reference   `json:"focus,omitempty"`
	Context []*reference `json:"additionalContext,omitempty"`
}
