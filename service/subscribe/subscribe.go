// Package subscribe brings the notifications of subscriptions to where they go: by
// HTTP to a subscriber's server (rest-hook), over WebSockets, by e-mail and to NATS.
//
// What is to be sent, to whom, when, and how often it is tried, records decides.
//
// Subscriptions R5 Backport 1.2, Channels; R4 §2.46.7.
package subscribe

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
)

// Codes of channels. That of NATS is one of ChannelSystem, in the guide's extension
// backport-channel-type.
const (
	RestHook  = "rest-hook"
	WebSocket = "websocket"
	Email     = "email"
	NATS      = "nats"

	ChannelSystem = "https://ingle.health/fhir/CodeSystem/subscription-channel-type"
)

// Config is what Channels need.
type Config struct {
	Guard   *guard.Guard // says where rest-hooks may lead; required
	Version string       // of the software, told to subscribers' servers
	Mail    *Mail        // nil: there is no e-mail
	NATS    *Broker      // nil: there is no NATS
	Log     *slog.Logger // nil: slog.Default(); never receives clinical data
}

// Channels are all of a process, for all tenants: a notify.Channel that knows for
// each target which. They are safe for concurrent use, and closed by whoever made
// them.
type Channels struct {
	hook *hook
	mail *mailer
	nats *broker
	log  *slog.Logger
}

// New makes Channels. A broker that cannot be reached now is looked for again.
func New(c Config) (*Channels, error) {
	if c.Guard == nil {
		return nil, errors.New("subscribe: a guard is needed")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	all := &Channels{hook: newHook(c.Guard, c.Version), log: c.Log}
	if c.Mail != nil {
		all.mail = &mailer{*c.Mail}
	}
	if c.NATS != nil {
		var err error
		if all.nats, err = connect(*c.NATS, c.Log); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Close ends what is connected.
func (c *Channels) Close() {
	c.hook.close()
	if c.nats != nil {
		c.nats.close()
	}
}

// Codes are the channels that there are.
func (c *Channels) Codes() []string {
	codes := []string{RestHook, WebSocket}
	if c.mail != nil {
		codes = append(codes, Email)
	}
	if c.nats != nil {
		codes = append(codes, NATS)
	}
	return codes
}

// channel is the one of a target, or a fault that says which there are.
func (c *Channels) channel(t notify.Target) (notify.Channel, error) {
	switch {
	case t.System == "" && t.Code == RestHook:
		return c.hook, nil
	case t.System == "" && t.Code == WebSocket:
		return socket{}, nil
	case t.System == "" && t.Code == Email && c.mail != nil:
		return c.mail, nil
	case t.System == ChannelSystem && t.Code == NATS && c.nats != nil:
		return c.nats, nil
	}
	asked := t.Code
	if t.System != "" {
		asked = t.System + "|" + t.Code
	}
	possible := slices.Clone(c.Codes())
	if i := slices.Index(possible, NATS); i >= 0 {
		possible[i] = "the extension backport-channel-type with " + ChannelSystem + "|" + NATS
	}
	return nil, fault.New(fault.Unprocessable, fault.CodeNotSupported, "Subscription.channel.type",
		"This server has no channel %q. Possible are: %s.", fault.Shorten(asked), strings.Join(possible, ", "))
}

// Check implements notify.Channel.
func (c *Channels) Check(ctx context.Context, t notify.Target) error {
	channel, err := c.channel(t)
	if err != nil {
		return err
	}
	return channel.Check(ctx, t)
}

// Send implements notify.Channel.
func (c *Channels) Send(ctx context.Context, t notify.Target, m notify.Message) error {
	channel, err := c.channel(t)
	if err != nil { // of a Subscription made when there was one
		return errors.New("this server has no channel of that type any more")
	}
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	return channel.Send(ctx, t, m)
}

var _ notify.Channel = (*Channels)(nil)

// refuse makes the fault of Check about an element of the channel.
func refuse(element, format string, args ...any) error {
	return fault.New(fault.Unprocessable, fault.CodeBusinessRule, "Subscription.channel."+element, format, args...)
}
