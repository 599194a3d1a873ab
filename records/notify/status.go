package notify

import (
	"encoding/json"

	"github.com/inglehealth/ingle/spec/definitions"
)

// StatusResource is the status alone: in R4 a Parameters of the profile StatusProfileR4,
// in R4B a SubscriptionStatus.
func (n *Notification) StatusResource() json.RawMessage {
	var status any = n.parameters()
	if n.Release == definitions.R4B {
		status = n.subscriptionStatus()
	}
	body, err := json.Marshal(status)
	if err != nil { // strings and numbers alone
		panic(err)
	}
	return body
}

type reference struct {
	Reference string `json:"reference"`
}

type concept struct {
	Text string `json:"text"`
}

func (n *Notification) refer(to string) *reference { return &reference{n.Base + "/" + to} }
