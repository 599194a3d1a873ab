package main

import (
	"context"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/monitor"
	"github.com/inglehealth/ingle/service/subscribe"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/watch/metric"
)

// subscriptionFlags say how subscribers can be told of changes.
type subscriptionFlags struct {
	SubscriptionAllow []string `placeholder:"PLACE" help:"Let rest-hooks of subscribers lead into the private network, and without TLS, to this host, address or network (hooks.example, .example, 10.1.0.0/16). May be repeated."`
	SMTPURL           string   `name:"smtp-url" env:"INGLE_SMTP_URL" placeholder:"URL" help:"Mail server for subscriptions by e-mail: smtp://user:password@mail.example:587/?from=ehr@example.org. None: there is no e-mail."`
	SMTPRecipient     []string `name:"smtp-recipient" placeholder:"WHO" help:"Let subscribers have e-mails sent to this address (name@example.org), domain (example.org), or domain with those below it (.example.org). May be repeated. None: to nobody."`
	NATSURL           string   `name:"nats-url" env:"INGLE_NATS_URL" placeholder:"URL" help:"NATS server for subscriptions by NATS: nats://broker.example:4222. None: there is no NATS."`
	NATSCredentials   string   `name:"nats-credentials" type:"existingfile" placeholder:"FILE" help:"Credentials file for the NATS server."`
	NATSPrefix        string   `name:"nats-prefix" default:"ingle" help:"How the NATS subjects begin that notifications go to."`
}

// channels are the ways to subscribers.
func (f subscriptionFlags) channels(log logger) (*subscribe.Channels, error) {
	c := subscribe.Config{
		Guard: &guard.Guard{Hint: "an administrator of the server can allow it with --subscription-allow"}, Version: version(), Log: log,
	}
	for _, text := range f.SubscriptionAllow {
		place, err := guard.ParsePlace(text)
		if err != nil {
			return nil, usage("--subscription-allow %s: %v", text, err)
		}
		c.Guard.Places = append(c.Guard.Places, place)
	}
	if f.SMTPURL != "" {
		var err error
		if c.Mail, err = subscribe.ParseMail(f.SMTPURL); err != nil {
			return nil, usage("--smtp-url: %v", err)
		}
		c.Mail.To = f.SMTPRecipient
	}
	for _, text := range f.SMTPRecipient {
		if err := subscribe.CheckRecipient(text); err != nil {
			return nil, usage("--smtp-recipient %s: %v", text, err)
		}
	}
	if f.NATSURL != "" {
		c.NATS = &subscribe.Broker{URL: f.NATSURL, Credentials: f.NATSCredentials, Prefix: f.NATSPrefix, Allowed: c.Guard.Named}
	}
	return subscribe.New(c)
}

// subscribers are the ways in which subscribers of all tenants are told.
type subscribers struct {
	channels *subscribe.Channels
	sockets  *subscribe.Sockets
	config   records.SubscriptionConfig
}

// tell has subscribers of every tenant told of changes, as who they are for may see
// them. It is called before the tenants' background work begins.
func (f subscriptionFlags) tell(m *Main, counts *metric.Registry, tenants *records.Tenants, sessions records.Sessions, site *web.Site, log logger) (*subscribers, error) {
	channels, err := f.channels(log)
	if err != nil {
		return nil, err
	}
	told := &subscribers{channels: channels, config: records.SubscriptionConfig{Channel: monitor.Counted(channels, counts), Sessions: sessions}}
	for _, name := range tenants.Names() {
		if door, ok := tenants.Door(name); ok {
			told.subscribe(door)
		}
	}
	sockets := subscribe.NewSockets(subscribe.SocketConfig{
		Tenants: tenants, Log: log,
		Logs:     func(door *records.Door) subscribe.Log { return door.Subscriptions() },
		Sessions: sessions,
	})
	sockets.Mount(site)
	m.onClose(func() error {
		sockets.Close()
		channels.Close()
		return nil
	})
	told.sockets = sockets
	return told, nil
}

// subscribe has subscribers of a tenant told, before its background work begins.
func (s *subscribers) subscribe(door *records.Door) { door.Subscribe(s.config) }

// describe tells the API how subscribers are told.
func (s *subscribers) describe(api *fhirapi.Config) {
	api.Channels, api.WebSocket = s.channels.Codes(), subscribe.Address
	api.Bind = func(ctx context.Context, session *records.Session, ids []fhir.ID) (fhirapi.Binding, error) {
		t, err := s.sockets.Token(session, ids)
		return fhirapi.Binding{Token: t.Text, Until: t.Until, Subscriptions: t.Subscriptions, Address: t.Address}, err
	}
}
