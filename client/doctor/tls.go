package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// soon is when a certificate that expires is worth a warning.
const soon = 21 * 24 * time.Hour

// tls looks at how the connection is guarded.
func (e *examination) tls(ctx context.Context) {
	const section = "SMART App Launch 2.2 §7.1; NIST SP 800-52r2"
	u, err := url.Parse(e.base)
	if err != nil {
		return
	}
	if u.Scheme != "https" && absolute(e.base) {
		e.skip("The server is reached by https", "it is on this very machine")
		return
	}
	if !e.check(u.Scheme == "https", Fail, "The server is reached by https", section, u.Scheme, "Tokens and records travel in the open.") {
		return
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "443")
	}
	state, err := e.handshake(ctx, address, &tls.Config{ServerName: u.Hostname(), RootCAs: e.roots(), MinVersion: tls.VersionTLS12})
	if !e.check(err == nil, Fail, "TLS 1.2 or later is spoken with a certificate that this machine trusts", section, words(err), "Browsers refuse it.") {
		return
	}
	e.check(state.Version >= tls.VersionTLS13, Warn, "TLS 1.3 is spoken", section, tls.VersionName(state.Version), "")
	left := state.PeerCertificates[0].NotAfter.Sub(e.o.Clock())
	e.check(left > soon, Warn, "The certificate is good for three weeks more", section, fmt.Sprintf("%d days", int(left.Hours()/24)), "Renew it.")
	_, err = e.handshake(ctx, address, &tls.Config{ServerName: u.Hostname(), RootCAs: e.roots(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}) //nolint:gosec // to see it refused
	e.check(err != nil, Fail, "TLS 1.0 and 1.1 are refused", section, "", "They are broken: switch them off.")
	a := e.get(ctx, "/metadata")
	e.check(strings.Contains(a.header.Get("Strict-Transport-Security"), "max-age"), Warn, "Browsers are told to come by https only", "RFC 6797", a.header.Get("Strict-Transport-Security"), "Send Strict-Transport-Security.")
}

func (e *examination) handshake(ctx context.Context, address string, config *tls.Config) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = conn.Close() }() // nothing was sent
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, fmt.Errorf("doctor: %T", conn)
	}
	return secure.ConnectionState(), nil
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// roots are those that the client of the examination trusts; nil for the machine's.
func (e *examination) roots() *x509.CertPool {
	if t, ok := e.o.HTTP.Transport.(*http.Transport); ok && t.TLSClientConfig != nil {
		return t.TLSClientConfig.RootCAs
	}
	return nil
}
