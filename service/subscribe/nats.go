package subscribe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inglehealth/ingle/records/notify"
)

// Broker is the NATS server that notifications are published to.
type Broker struct {
	URL         string // nats:// or tls://, several by comma
	Credentials string // file, "" for none
	Prefix      string // of subjects: Prefix.TENANT.SUBSCRIPTION, the default tenant being "default"
	Allowed     func(host string) bool
}

// subjectToken is one part of a subject.
var subjectToken = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// broker publishes notifications to NATS: to a stream of JetStream when one takes
// the subject, which then keeps them and drops what comes twice, and else to whoever
// listens.
type broker struct {
	config Broker
	conn   *nats.Conn
	stream jetstream.JetStream
}

func connect(c Broker, log *slog.Logger) (*broker, error) {
	if !subjectToken.MatchString(c.Prefix) {
		return nil, fmt.Errorf("subscribe: %q is no prefix of NATS subjects: it has letters, digits, '-' and '_', parted by dots", c.Prefix)
	}
	options := []nats.Option{
		nats.Name("Ingle"), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second),
		nats.Timeout(5 * time.Second), nats.ReconnectBufSize(-1), // what cannot be sent now is tried again by records
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS is away", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("NATS is back") }),
	}
	if c.Credentials != "" {
		options = append(options, nats.UserCredentials(c.Credentials))
	}
	conn, err := nats.Connect(c.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("subscribe: NATS: %w", err)
	}
	stream, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("subscribe: NATS: %w", err)
	}
	return &broker{c, conn, stream}, nil
}

func (b *broker) close() { b.conn.Close() }

// Check implements notify.Channel.
func (b *broker) Check(_ context.Context, t notify.Target) error {
	switch {
	case t.Endpoint != "":
		return refuse("endpoint", "Notifications to NATS have no endpoint: they are published to %s.", b.subject(notify.Target{Tenant: t.Tenant, Subscription: "ID"}))
	case t.Plain:
		return refuse("payload", "NATS is for subscriptions of a topic, whose payload says its content.")
	case len(t.Headers) > 0:
		return refuse("header", "Notifications to NATS have no headers of subscribers.")
	case t.Content == notify.FullResource && !b.secure():
		return refuse("payload", "This server speaks to NATS without TLS, so notifications must not hold resources: choose the content empty or id-only.")
	}
	return nil
}

// secure says whether all servers are spoken to by TLS, or where nobody listens.
func (b *broker) secure() bool {
	for one := range strings.SplitSeq(b.config.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Scheme != "tls" && !loopback(u.Hostname()) && (b.config.Allowed == nil || !b.config.Allowed(u.Hostname())) {
			return false
		}
	}
	return true
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (b *broker) subject(t notify.Target) string {
	tenant := t.Tenant
	if tenant == "" {
		tenant = "default"
	}
	return b.config.Prefix + "." + tenant + "." + string(t.Subscription)
}

// Send implements notify.Channel.
func (b *broker) Send(ctx context.Context, t notify.Target, m notify.Message) error {
	msg := &nats.Msg{Subject: b.subject(t), Data: m.Body, Header: nats.Header{
		"Content-Type": {t.Media}, "Fhir-Notification": {string(m.Kind)}, nats.MsgIdHdr: {messageID(t, m)},
	}}
	if limit := b.conn.MaxPayload(); limit > 0 && int64(len(m.Body)) > limit-4096 {
		return fmt.Errorf("the notification has %d bytes, more than NATS takes: lower the Subscription's maxCount", len(m.Body))
	}
	name, err := b.stream.StreamNameBySubject(ctx, msg.Subject)
	switch {
	case err == nil:
		if _, err := b.stream.PublishMsg(ctx, msg, jetstream.WithExpectStream(name)); err != nil {
			return away(err)
		}
		return nil
	case !errors.Is(err, jetstream.ErrStreamNotFound) && !errors.Is(err, jetstream.ErrJetStreamNotEnabled) && !errors.Is(err, nats.ErrNoResponders):
		return away(err)
	}
	if err := b.conn.PublishMsg(msg); err != nil {
		return away(err)
	}
	return away(b.conn.FlushWithContext(ctx))
}

// messageID is the same for the same events, so that a stream drops what is sent
// again.
func messageID(t notify.Target, m notify.Message) string {
	if len(m.Events) == 0 {
		return m.ID
	}
	return fmt.Sprintf("%s/%s/%d-%d", t.Tenant, t.Subscription, m.Events[0].Number, m.Events[len(m.Events)-1].Number)
}

// away says in a subscriber's words that NATS did not take a message.
func away(err error) error {
	var dial net.Error
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.As(err, &dial) && dial.Timeout():
		return errors.New("NATS did not answer in time")
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionClosed):
		return errors.New("NATS cannot be reached")
	}
	return fmt.Errorf("NATS did not take the notification: %w", err)
}
