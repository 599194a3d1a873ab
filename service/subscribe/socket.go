package subscribe

import (
	"context"

	"github.com/inglehealth/ingle/records/notify"
)

// socket is the channel of WebSockets: subscribers fetch their notifications over a
// connection that they open (Sockets), so there is nothing to send.
type socket struct{}

// Check implements notify.Channel.
func (socket) Check(_ context.Context, t notify.Target) error {
	switch {
	case t.Endpoint != "":
		return refuse("endpoint", "A WebSocket has no endpoint: its address comes with the token of $get-ws-binding-token.")
	case len(t.Headers) > 0:
		return refuse("header", "Notifications by WebSocket have no headers.")
	}
	return nil
}

// Send implements notify.Channel.
func (socket) Send(context.Context, notify.Target, notify.Message) error { return nil }
