package search

import "github.com/inglehealth/ingle/spec/definitions"

// Subscriber is the parameter under which a Subscription is indexed by whose it is,
// which does not stand in it. No client can ask for it.
const Subscriber = "_subscriber"

// SubscriberParam is that parameter.
func SubscriberParam() Param {
	return Param{Type: "Subscription", Code: Subscriber, Kind: definitions.SearchToken}
}
