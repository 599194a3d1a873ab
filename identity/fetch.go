package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/watch/span"
)

// Bounds of what is fetched from addresses that others name.
const (
	fetchTime      = 10 * time.Second
	fetchBytes     = 1 << 20
	fetchRedirects = 3
)

// GuardedClient is an HTTP client for addresses that others name. Unless
// private, it speaks to addresses of the public internet only. It uses no
// proxy, keeps no cookies, and gives up after ten seconds.
func GuardedClient(private bool) *http.Client {
	g := &guard.Guard{All: private, Hint: "a development server may speak to it with --allow-private-jwks"}
	return &http.Client{
		Timeout: fetchTime,
		Transport: span.Transport(&http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return g.Dial(ctx, network, address, fetchTime/2)
			},
			ForceAttemptHTTP2: true, DisableKeepAlives: true,
			TLSHandshakeTimeout: fetchTime / 2, MaxResponseHeaderBytes: 64 << 10,
		}),
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			// A redirected POST would take its secret elsewhere.
			if len(via) > fetchRedirects || r.URL.Scheme != via[0].URL.Scheme || via[0].Method != http.MethodGet {
				return errors.New("too many redirects, one to another scheme or one of a POST")
			}
			return nil
		},
	}
}

// fetchJSON sends a request and decodes a JSON answer of status 200 and at most
// a megabyte.
func (s *Service) fetchJSON(r *http.Request, into any) error {
	r.Header.Set("Accept", "application/json")
	answer, err := s.config.Fetch.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, fetchBytes+1))
	switch {
	case err != nil:
		return err
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answers %s", r.URL.Redacted(), answer.Status)
	case len(text) > fetchBytes:
		return fmt.Errorf("%s answers more than %d bytes", r.URL.Redacted(), fetchBytes)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", r.URL.Redacted(), err)
	}
	return nil
}
