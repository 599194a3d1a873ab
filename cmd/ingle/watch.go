package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/monitor"
	"github.com/inglehealth/ingle/service/subscribe"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
	"github.com/inglehealth/ingle/store/watched"
	"github.com/inglehealth/ingle/watch/metric"
	"github.com/inglehealth/ingle/watch/span"
)

// watchFlags say how the server is watched.
type watchFlags struct {
	MetricsListen    string `placeholder:"ADDRESS" help:"Serve metrics for Prometheus at /metrics of an address of their own, such as 127.0.0.1:9464. Beyond the loopback interface it takes --metrics-token-file."`
	MetricsTokenFile string `placeholder:"FILE" help:"File with the token that reading the metrics takes, as 'Authorization: Bearer ...'."`

	AlertURL []string `name:"alert-url" sep:"none" placeholder:"URL" help:"Tell of alerts: by a POST of JSON to https://... or http://..., by e-mail to mailto:ops@example.org (through --smtp-url). May be repeated."`
}

// watching is what a server counts and traces; the zero value is for commands, which do
// neither.
type watching struct {
	counts   *metric.Registry
	traces   *span.Tracer
	requests *monitor.Requests
}

// watch begins to count, and to trace if the environment says so (OTEL_...).
func (m *Main) watch(log logger, tenants []string) (watching, error) {
	counts := metric.New()
	traces, err := span.Open(os.Getenv, version(), log, counts)
	if err != nil {
		return watching{}, usageError{err}
	}
	m.onClose(traces.Close)
	return watching{counts, traces, monitor.NewRequests(counts, tenants...)}, nil
}

// store watches a store.
func (w watching) store(s store.Store, tenant, kind string) store.Store {
	if w.counts == nil {
		return s
	}
	return watched.New(s, tenant, kind, w.counts)
}

// kind is that of the database, as OpenTelemetry calls it.
func (f storeFlags) kind() string {
	if f.Database != "" {
		return "postgresql"
	}
	return "sqlite"
}

// monitored is what is watched of this process.
func (c *serveCommand) monitored(tenants *records.Tenants) monitor.Config {
	config := monitor.Config{Counts: c.watching.counts, Tenants: tenants, Database: c.kind(), Version: version(), Begun: time.Now()}
	if c.Database == "" {
		config.Disk = func() (uint64, error) { return sqlite.FreeBytes(c.folder()) }
	}
	return config
}

// alert evaluates the rules of alerts until what it returns is called. who is nil on a
// server that is open to all.
func (c *serveCommand) alert(ctx context.Context, tenants *records.Tenants, who *authorization, secure *transport, log logger) (func() error, error) {
	var mail monitor.Mailer
	if c.SMTPURL != "" {
		m, err := subscribe.ParseMail(c.SMTPURL)
		if err != nil {
			return nil, usage("--smtp-url: %v", err)
		}
		mail = m.Note
	}
	tell, err := monitor.Teller(c.AlertURL, mail)
	if err != nil {
		return nil, usage("--alert-url: %v (see --smtp-url)", err)
	}
	process, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	a := monitor.Alerting{
		Config: c.monitored(tenants), Requests: c.watching.requests, Log: log, Process: process.String(), Alone: c.Database == "", Tell: tell,
		Certificate: secure.until, Feeds: monitor.Remembered(monitor.Subscriptions),
	}
	if who != nil {
		a.SigningKey = who.signingKey
	}
	watchman := monitor.NewWatchman(a)
	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() { watchman.Run(ctx) })
	return func() error {
		stop()
		working.Wait()
		return nil
	}, nil
}

// signingKey is when the newest signing key of a tenant was made; zero for none.
func (a *authorization) signingKey(ctx context.Context, tenant string) (time.Time, error) {
	in := a.service(tenant)
	if in == nil {
		return time.Time{}, nil
	}
	keys, err := in.SigningKeys(ctx)
	if err != nil || len(keys) == 0 {
		return time.Time{}, err
	}
	return keys[0].Created, nil
}

// serveMetrics serves the metrics, if they are to be served, until the end.
func (c *serveCommand) serveMetrics(ctx context.Context, m *Main, secure *transport, log logger) error {
	if c.MetricsListen == "" {
		if c.MetricsTokenFile != "" {
			return usage("--metrics-token-file is for --metrics-listen, which is not given")
		}
		return nil
	}
	host, port, err := net.SplitHostPort(c.MetricsListen)
	if err != nil {
		return usage("--metrics-listen %s is not an address: it looks like 127.0.0.1:9464", c.MetricsListen)
	}
	token := ""
	if c.MetricsTokenFile != "" {
		text, err := os.ReadFile(c.MetricsTokenFile)
		if err != nil {
			return usage("--metrics-token-file: %v", err)
		}
		if token = strings.TrimSpace(string(text)); len(token) < 16 {
			return usage("--metrics-token-file %s holds no token: 16 characters or more, such as those of openssl rand -hex 16", c.MetricsTokenFile)
		}
	}
	config := web.Config{Log: log}
	if isLoopback(host) {
		config.Hosts = []string{"localhost"} // no page of another site may read them
	} else {
		if token == "" {
			return usage("--metrics-listen %s is refused without --metrics-token-file: whoever reached it could see how the place is used. Listen on 127.0.0.1:%s, or give a token", c.MetricsListen, port)
		}
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return fmt.Errorf("cannot listen on --metrics-listen %s: %w", c.MetricsListen, err)
	}
	site := web.New(config)
	monitor.Mount(site, c.watching.counts, token)
	server := site.Server()
	scheme := "http"
	if isLoopback(host) {
		secure = &transport{}
	} else if secure.config != nil {
		scheme = "https"
	}
	failed := make(chan error, 1)
	go func() { failed <- secure.serve(server, listener) }()
	fmt.Fprintf(m.Stdout, "Metrics for Prometheus are at %s://%s/metrics\n", scheme, listener.Addr())
	m.onClose(func() error {
		err := server.Close()
		if ended := <-failed; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	})
	return nil
}
