package identity

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// MatchRedirect says whether a redirect_uri of a request is one that the client
// registered. They are equal as text; the port of a registered loopback IP
// address is whatever the app listens on (RFC 8252 §7.3).
func (c *Client) MatchRedirect(asked string) bool {
	if slices.Contains(c.Redirects, asked) {
		return true
	}
	a, ok := splitLoopback(asked)
	return ok && slices.ContainsFunc(c.Redirects, func(registered string) bool {
		r, ok := splitLoopback(registered)
		return ok && r == a
	})
}

// loopback is a loopback redirect without its port.
type loopback struct{ host, rest string }

// splitLoopback reads http://127.0.0.1:port/rest or http://[::1]:port/rest. The
// text is taken apart by hand, since what a parser makes equal is not.
func splitLoopback(uri string) (loopback, bool) {
	rest, ok := strings.CutPrefix(uri, "http://")
	if !ok {
		return loopback{}, false
	}
	host := "127.0.0.1"
	if rest, ok = strings.CutPrefix(rest, host); !ok {
		host = "[::1]"
		if rest, ok = strings.CutPrefix(uri, "http://"+host); !ok {
			return loopback{}, false
		}
	}
	if port, ok := strings.CutPrefix(rest, ":"); ok {
		digits := strings.TrimLeft(port, "0123456789")
		if n := len(port) - len(digits); n == 0 || n > 5 {
			return loopback{}, false
		}
		rest = digits
	}
	if rest != "" && rest[0] != '/' && rest[0] != '?' {
		return loopback{}, false
	}
	return loopback{host, rest}, !strings.Contains(rest, "#")
}

// limits of addresses that a client registers.
const (
	maxURI     = 2048
	maxURIList = 20
)

// checkRedirect says why an address cannot be registered for redirects: https,
// http of a loopback address for development and native apps, or a private-use
// scheme with a dot in it (RFC 8252 §7).
func checkRedirect(uri string) error {
	u, err := parseURI(uri)
	if err != nil {
		return err
	}
	switch {
	case u.Scheme == "https" && u.Host != "":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http" || u.Scheme == "https":
		return Refuse(InvalidRedirectURI, "%s: http is for 127.0.0.1, [::1] and localhost only; use https", uri)
	case !strings.Contains(u.Scheme, "."):
		return Refuse(InvalidRedirectURI, "%s: the scheme of a native app is a reversed domain name, such as com.example.app", uri)
	}
	return nil
}

// parseURI reads an absolute address without fragment, user or spaces.
func parseURI(uri string) (*url.URL, error) {
	if len(uri) > maxURI {
		return nil, Refuse(InvalidRedirectURI, "an address is longer than %d bytes", maxURI)
	}
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c > '~' || c == '\\' || c == '*' || c == '<' || c == '>' || c == '"' {
			return nil, Refuse(InvalidRedirectURI, "%s: an address holds no spaces, wildcards, backslashes or characters beyond ASCII", uri)
		}
	}
	u, err := url.Parse(uri)
	if err != nil || !u.IsAbs() {
		return nil, Refuse(InvalidRedirectURI, "%s: not an absolute address", uri)
	}
	if u.User != nil || strings.Contains(uri, "#") {
		return nil, Refuse(InvalidRedirectURI, "%s: an address has no user and no fragment", uri)
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._:[]", r))
	}) {
		return nil, Refuse(InvalidRedirectURI, "%s: the host of an address has letters, digits and - . only", uri)
	}
	return u, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// AllOrigins are the origins that a client's pages may be at: those of its
// redirects and its further ones. On a loopback address that is any port, as with
// redirects, and none is written.
func (c *Client) AllOrigins() []string {
	var all []string
	for _, uri := range slices.Concat(c.Redirects, c.Origins) {
		if origin := anyPort(originOf(uri)); origin != "" && !slices.Contains(all, origin) {
			all = append(all, origin)
		}
	}
	return all
}

// anyPort takes the port out of an origin on a loopback address.
func anyPort(origin string) string {
	u, err := url.Parse(origin)
	if err != nil || u.Port() == "" {
		return origin
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
		return origin
	}
	return strings.TrimSuffix(origin, ":"+u.Port())
}

// originOf is the origin of an http address as browsers write it (RFC 6454
// §6.2); "" when it has none.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
		port = ""
	}
	switch {
	case port != "":
		host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host
}
