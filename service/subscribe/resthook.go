package subscribe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/records/notify"
)

// Bounds of what a subscriber's server answers.
const (
	answerBytes = 64 << 10
	idleFor     = 90 * time.Second
	idlePerHost = 8
)

// hook sends notifications by HTTP (rest-hook).
type hook struct {
	guard   *guard.Guard
	client  *http.Client
	version string
}

func newHook(g *guard.Guard, version string) *hook {
	return &hook{g, &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return g.Dial(ctx, network, address, 10*time.Second)
			},
			ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: answerBytes,
			IdleConnTimeout: idleFor, MaxIdleConns: 256, MaxIdleConnsPerHost: idlePerHost, DisableCompression: true,
		},
		// What a notification holds, and the headers that prove where it is from, are for
		// the endpoint that was named alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, version}
}

func (h *hook) close() { h.client.CloseIdleConnections() }

// Check implements notify.Channel.
func (h *hook) Check(_ context.Context, t notify.Target) error {
	u, err := url.Parse(t.Endpoint)
	switch {
	case t.Endpoint == "":
		return refuse("endpoint", "A rest-hook needs the URL that notifications are sent to.")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return refuse("endpoint", "The endpoint of a rest-hook is an absolute https URL.")
	case u.User != nil:
		return refuse("endpoint", "The endpoint must not hold a user or password: send them in a header.")
	case u.Fragment != "":
		return refuse("endpoint", "The endpoint must not have a fragment.")
	case u.Scheme == "http" && !h.guard.Named(u.Hostname()):
		return refuse("endpoint", "The endpoint of a rest-hook is an https URL: http is neither secret nor proof of who receives. Whoever runs this server can allow a host with --subscription-allow.")
	}
	if err := h.reaches(u.Hostname()); err != nil {
		return err
	}
	_, err = headersOf(t.Headers)
	return err
}

// reaches refuses addresses that would not be dialled. Names are looked up when they
// are.
func (h *hook) reaches(host string) error {
	address, err := netip.ParseAddr(host)
	isName := err != nil && !strings.EqualFold(host, "localhost")
	if isName || h.guard.Named(host) || err == nil && h.guard.May(address) {
		return nil
	}
	return refuse("endpoint", "The endpoint is a private address. Whoever runs this server can allow it with --subscription-allow.")
}

// Send implements notify.Channel.
func (h *hook) Send(ctx context.Context, t notify.Target, m notify.Message) error {
	request, err := h.request(ctx, t, m)
	if err != nil {
		return notify.Permanent(err)
	}
	answer, err := h.client.Do(request)
	if err != nil {
		return unreached(err, t.Timeout)
	}
	defer answer.Body.Close()
	// An answer that breaks off is none: what is sent twice can be told by its numbers,
	// what is lost cannot.
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, answerBytes)); err != nil {
		if ctx.Err() != nil {
			return unreached(ctx.Err(), t.Timeout)
		}
		return fmt.Errorf("the endpoint answered %d and broke off", answer.StatusCode)
	}
	return verdict(answer)
}

func (h *hook) request(ctx context.Context, t notify.Target, m notify.Message) (*http.Request, error) {
	method, endpoint := http.MethodPost, t.Endpoint
	if t.Plain && len(m.Body) > 0 && len(m.Events) == 1 {
		// R4's own: the endpoint is a FHIR base that is sent an update.
		method, endpoint = http.MethodPut, strings.TrimSuffix(endpoint, "/")+"/"+m.Events[0].Focus.String()
	}
	request, err := http.NewRequestWithContext(ctx, method, endpoint, bytes.NewReader(m.Body))
	if err != nil {
		return nil, errors.New("the endpoint is no URL")
	}
	if request.Header, err = headersOf(t.Headers); err != nil {
		return nil, err
	}
	if len(m.Body) > 0 {
		request.Header.Set("Content-Type", t.Media)
	}
	request.Header.Set("User-Agent", "Ingle/"+h.version)
	return request, nil
}

// unreached says in a subscriber's words why an endpoint was not reached.
func unreached(err error, within time.Duration) error {
	switch {
	case errors.Is(err, guard.ErrPrivate):
		return notify.Permanent(guard.Unreached(err, "the endpoint"))
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the endpoint did not answer within %s", within)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	return guard.Unreached(err, "the endpoint")
}

// verdict is what a status says of a notification.
func verdict(answer *http.Response) error {
	status := answer.StatusCode
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusGone:
		return notify.Permanent(errors.New("the endpoint answered 410: it wants no more"))
	case status >= 300 && status < 400:
		return fmt.Errorf("the endpoint answered %d, a redirect, which is not followed: name the address that it leads to", status)
	case status < 500:
		return fmt.Errorf("the endpoint refused the notification with %d %s", status, http.StatusText(status))
	}
	return fmt.Errorf("the endpoint failed with %d %s", status, http.StatusText(status))
}
