package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// listenFlags say where the server is and how it is reached.
type listenFlags struct {
	Listen  string        `default:"127.0.0.1:8080" help:"Address to listen on. Beyond the loopback interface it takes TLS: --tls-cert and --tls-key, or a proxy in front and its https URL as --base-url."`
	BaseURL string        `name:"base-url" placeholder:"URL" help:"Public URL of the server, under which /fhir lies, as clients see it. Default: http:// or https:// and the address of --listen."`
	Proxies []string      `name:"trusted-proxy" placeholder:"ADDRESS,..." help:"Address or network of a proxy in front, such as 10.0.0.0/8, whose X-Forwarded-For says where requests come from. Without it limits take all that comes through a proxy for one client. May be repeated."`
	HSTS    time.Duration `name:"hsts" default:"8760h" help:"How long browsers that came by TLS are told to come by TLS only (Strict-Transport-Security): with --tls-cert, or with an https --base-url and its --trusted-proxy. 0: not at all."`
	Open    bool          `help:"No authorization: whoever reaches the server may read and change everything. On the loopback interface only."`

	tlsFlags
}

// listen opens the socket.
func (f *listenFlags) listen(ctx context.Context) (net.Listener, error) {
	host, port, err := net.SplitHostPort(f.Listen)
	if err != nil {
		return nil, usage("--listen %s is not an address: it looks like 127.0.0.1:8080", f.Listen)
	}
	if _, err := publicURL(f.BaseURL); err != nil {
		return nil, err
	}
	if !isLoopback(host) {
		if f.Open {
			return nil, usage("--listen %s is refused with --open: whoever reached the server could read and change every record. "+
				"Listen on 127.0.0.1:%s, or leave --open out", f.Listen, port)
		}
		if !f.on() && !strings.HasPrefix(f.BaseURL, "https://") {
			return nil, usage("--listen %s is refused without TLS: passwords and tokens would travel readable. Give --tls-cert and --tls-key, "+
				"or, when a proxy in front speaks TLS, its URL as --base-url https://...", f.Listen)
		}
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s (is another server running there? choose another with --listen): %w", f.Listen, err)
	}
	return listener, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// hosts are the names that an open server goes by: any page that a browser shows
// could otherwise reach it by one of its own. Nil is for any, where tokens decide.
func (f *listenFlags) hosts() []string {
	if !f.Open {
		return nil
	}
	names := []string{"localhost"}
	if u, err := url.Parse(f.BaseURL); err == nil && u.Hostname() != "" {
		names = append(names, strings.ToLower(u.Hostname()))
	}
	return names
}

// proxies are the networks of --trusted-proxy.
func (f *listenFlags) proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range f.Proxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err != nil || a.Zone() != "" {
				return nil, usage("--trusted-proxy %s is not an address or network: it looks like 10.0.0.7 or 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		all = append(all, p)
	}
	return all, nil
}

// publicURL is what --base-url says, without slashes and /fhir at its end; "" when it
// says nothing.
func publicURL(given string) (string, error) {
	if given == "" || (strings.HasPrefix(given, "http://") || strings.HasPrefix(given, "https://")) && !strings.ContainsAny(given, "?#\" ") {
		return strings.TrimSuffix(strings.TrimRight(given, "/"), "/fhir"), nil
	}
	return "", usage("--base-url %s is not a URL: it looks like https://ehr.example.org", given)
}

// strict is how long browsers are told to come by TLS only. Not with a certificate
// of --tls-dev, nor for localhost, whose other ports it would be said for as well.
func (f *listenFlags) strict() time.Duration {
	u, err := url.Parse(f.BaseURL)
	behind := err == nil && u.Scheme == "https" && len(f.Proxies) > 0
	if f.TLSDev || f.TLSCert == "" && !behind || err == nil && u.Hostname() == "localhost" {
		return 0
	}
	return f.HSTS
}

// base is the public URL without a slash at the end.
func (f *listenFlags) base(listener net.Listener) string {
	if base, err := publicURL(f.BaseURL); err == nil && base != "" {
		return base
	}
	if f.on() {
		return "https://" + listener.Addr().String()
	}
	return "http://" + listener.Addr().String()
}
