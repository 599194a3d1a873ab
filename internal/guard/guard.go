// Package guard keeps a server's own calls out of its network when others name
// where they go (server-side request forgery): it is asked when a connection is
// made, so that neither names nor redirects lead inside.
package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ErrPrivate is why a Guard does not dial.
var ErrPrivate = errors.New("the address is private")

// Guard says where calls may go: to the public internet, and where else it allows.
// The zero value allows nowhere else. It is safe for concurrent use.
type Guard struct {
	All    bool    // anywhere
	Places []Place // which may be private
	Hint   string  // what to do about a refusal, for whoever runs the server
}

// Place is a host by name, with what is below it if it begins with a dot, or a
// network.
type Place struct {
	host    string
	network netip.Prefix
}

// ParsePlace reads a host (hooks.example, .example), an address or a network in CIDR
// notation.
func ParsePlace(text string) (Place, error) {
	if network, err := netip.ParsePrefix(text); err == nil {
		return Place{network: network.Masked()}, nil
	}
	if address, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return Place{network: netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen())}, nil
	}
	host := strings.ToLower(strings.TrimSuffix(text, "."))
	if strings.Trim(host, ".") == "" || strings.ContainsAny(host, ":/@ *?#") {
		return Place{}, fmt.Errorf("%q is neither a host (hooks.example, .example for all below it), an address nor a network (10.1.0.0/16)", text)
	}
	return Place{host: host}, nil
}

// Named says whether the guard allows a host by its name.
func (g *Guard) Named(host string) bool {
	if g.All {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err == nil {
		return g.listed(address)
	}
	return slices.ContainsFunc(g.Places, func(p Place) bool {
		return p.host != "" && (p.host == host || p.host[0] == '.' && strings.HasSuffix(host, p.host))
	})
}

func (g *Guard) listed(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(g.Places, func(p Place) bool { return p.network.IsValid() && p.network.Contains(a) })
}

// May says whether the guard allows an address.
func (g *Guard) May(a netip.Addr) bool { return g.All || public(a) || g.listed(a) }

// Dial connects to host:port within a time, or ErrPrivate.
func (g *Guard) Dial(ctx context.Context, network, address string, within time.Duration) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: within}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !g.Named(host) {
		dialer.Control = g.control
	}
	return dialer.DialContext(ctx, network, address)
}

func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if g.May(to.Addr()) {
		return nil
	}
	if g.Hint == "" {
		return fmt.Errorf("%s: %w", to.Addr(), ErrPrivate)
	}
	return fmt.Errorf("%s: %w; %s", to.Addr(), ErrPrivate, g.Hint)
}
