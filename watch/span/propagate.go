package span

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// header is that of W3C Trace Context, https://www.w3.org/TR/trace-context/.
const header = "Traceparent"

// Parent is the span of another process that a request comes from; the zero Place when
// it names none, or badly (§3.2).
func Parent(h http.Header) (p Place) {
	values := h[header]
	if len(values) != 1 {
		return Place{}
	}
	parts := strings.Split(values[0], "-")
	if len(parts) < 4 || len(parts[0]) != 2 || parts[0] == "ff" || parts[0] == "00" && len(parts) != 4 ||
		!decode(parts[1], p.trace[:]) || !decode(parts[2], p.span[:]) {
		return Place{}
	}
	var version, flags [1]byte
	if !decode(parts[0], version[:]) || !decode(parts[3], flags[:]) || p.trace == ([16]byte{}) || p.span == ([8]byte{}) {
		return Place{}
	}
	p.sampled = flags[0]&1 != 0
	return p
}

// decode reads lower-case hexadecimal digits.
func decode(text string, into []byte) bool {
	if len(text) != 2*len(into) || strings.ToLower(text) != text {
		return false
	}
	_, err := hex.Decode(into, []byte(text))
	return err == nil
}

func (p Place) header() string {
	flags := "00"
	if p.sampled {
		flags = "01"
	}
	return "00-" + hex.EncodeToString(p.trace[:]) + "-" + hex.EncodeToString(p.span[:]) + "-" + flags
}

// Transport makes a span of each call through next, whose request is in a span, and
// tells the other side. The span has the host, not the address.
func Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, s := StartKind(r.Context(), r.Method, Client)
	if s == nil {
		return t.next.RoundTrip(r)
	}
	defer s.End()
	s.Text("http.request.method", r.Method)
	s.Text("server.address", r.URL.Hostname())
	r = r.Clone(ctx)
	r.Header.Set(header, s.place.header())
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		s.Fail("no answer")
		return nil, err
	}
	s.Int("http.response.status_code", int64(answer.StatusCode))
	if answer.StatusCode >= http.StatusBadRequest {
		s.Fail(answer.Status)
	}
	return answer, nil
}

// CloseIdleConnections closes those of the transport below.
func (t transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
