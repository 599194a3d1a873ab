package web

import (
	"net"
	"net/http"
)

// AddressOf is where a request comes from, without the port.
func AddressOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}
