package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is where a request comes from, in the form of RemoteAddr: the peer,
// or, if that is one of Config.Proxies, whom it and further ones say they speak for
// in X-Forwarded-For. What stands there before the last of them anybody may have
// written.
func (s *Site) clientAddress(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || len(s.config.Proxies) == 0 {
		return r.RemoteAddr
	}
	client := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.isProxy(client); i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		client = hop
	}
	return netip.AddrPortFrom(client, peer.Port()).String()
}

// isSecure says whether the client speaks TLS with this server, or with a proxy
// that does not say otherwise.
func (s *Site) isSecure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && s.isProxy(peer.Addr().Unmap()) && !strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "http")
}

func (s *Site) isProxy(a netip.Addr) bool {
	return slices.ContainsFunc(s.config.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseHop reads an address with or without a port.
func parseHop(text string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap().WithZone(""), err == nil
}
