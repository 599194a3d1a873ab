package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// admit refuses a request for a host that is none of Config.Hosts. An IP address
// is always one: a page of another origin can have its own name lead here, but
// not have a browser take an address for its own origin.
func (s *Site) admit(r *http.Request) error {
	if s.config.Hosts == nil {
		return nil
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil || slices.Contains(s.config.Hosts, host) {
		return nil
	}
	return fault.New(fault.Forbidden, fault.CodeForbidden, "", "This server does not go by the name %q: use its address, or %s.", fault.Shorten(host), strings.Join(s.config.Hosts, " or "))
}
