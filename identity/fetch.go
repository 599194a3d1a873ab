package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/inglehealth/ingle/watch/span"
)

// Bounds of what is fetched from addresses that others name.
const (
	fetchTime      = 10 * time.Second
	fetchBytes     = 1 << 20
	fetchRedirects = 3
)

// errPrivate is why GuardedClient does not dial.
var errPrivate = errors.New("the address is private; a development server may speak to it with --allow-private-jwks")

// GuardedClient is an HTTP client for addresses that others name. Unless
// private, it speaks to addresses of the public internet only, which is checked
// when it dials, so that neither names nor redirects lead inside. It uses no
// proxy, keeps no cookies, and gives up after ten seconds.
func GuardedClient(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: fetchTime / 2, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !private && !public(to.Addr()) {
			return fmt.Errorf("%s: %w", to.Addr(), errPrivate)
		}
		return nil
	}}
	return &http.Client{
		Timeout: fetchTime,
		Transport: span.Transport(&http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableKeepAlives: true,
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

// inside are networks that are not private by name, and yet not the public
// internet's (RFC 6890), or lead to ones that may be.
var inside = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/32"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"), netip.MustParsePrefix("fec0::/10"),
}

func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(a) })
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
