package smart

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options of Discover.
type Options struct {
	HTTP  *http.Client     // for all but FHIR requests; nil for one that waits 30 seconds. Redirects are never followed
	Clock func() time.Time // nil for time.Now
}

// Server is a FHIR server with its authorization server. It is safe for
// concurrent use.
type Server struct {
	Base          string // of FHIR, as given to Discover: the aud of authorization requests
	Configuration Configuration

	http *http.Client
	now  func() time.Time
	keys keys
}

// Discover asks a FHIR server where and how it authorizes (§2.0.9,
// .well-known/smart-configuration). base is the URL of its FHIR API. Addresses
// must be https; http is accepted on loopback only.
func Discover(ctx context.Context, base string, o Options) (*Server, error) {
	if err := checkAddress(base); err != nil {
		return nil, fmt.Errorf("smart: the FHIR server: %w", err)
	}
	s := &Server{Base: base, http: withoutRedirects(o.HTTP), now: o.Clock}
	if s.now == nil {
		s.now = time.Now
	}
	body, err := s.get(ctx, strings.TrimSuffix(base, "/")+"/.well-known/smart-configuration")
	if err != nil {
		return nil, fmt.Errorf("smart: discovery: %w", err)
	}
	if err := json.Unmarshal(body, &s.Configuration); err != nil {
		return nil, fmt.Errorf("smart: discovery: the smart-configuration of %s: %w", base, err)
	}
	if err := s.Configuration.check(); err != nil {
		return nil, fmt.Errorf("smart: discovery: the smart-configuration of %s: %w", base, err)
	}
	return s, nil
}

// withoutRedirects keeps secrets and codes where they were sent.
func withoutRedirects(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{Timeout: 30 * time.Second}
	}
	strict := *c
	strict.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &strict
}

// checkAddress says what is wrong with an address that tokens or secrets are
// sent to.
func checkAddress(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%q is not an absolute https URL", text)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%q is not https; http is for loopback addresses only", text)
	case u.User != nil || u.Fragment != "":
		return fmt.Errorf("%q has a user or a fragment", text)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
