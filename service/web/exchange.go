package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/watch/span"
)

// Exchange is one request and its answer as the middleware sees them. It
// belongs to the request's goroutine.
type Exchange struct {
	// ID names the request in the log and in X-Request-Id.
	ID string
	// Route is the pattern or interaction that was served, for the log; it
	// never holds an id or a query value.
	Route string
	// Started is when the request came, by the clock of the machine.
	Started time.Time
	// XML, Pretty and Browser say how an error is rendered; the service sets
	// them once it has negotiated the format, before that XML is what Accept
	// seems to want. A browser shows application/json
	// and would save application/fhir+json.
	XML, Pretty, Browser bool
	// Before is called before the first piece of the answer leaves, with its status,
	// and again before each further piece. With an error of it the answer does not
	// leave: another one does in its place, or, once it has begun, it is cut off. nil:
	// nothing.
	Before func(status int) error
	// After is called when the answer has left, with its status and the bytes of its
	// body; nil: nothing.
	After func(status int, bytes int64)

	site     *Site
	response *response
	client   limits.Who
	flight   limits.Flight
	leave    func()          // of a gate
	exit     func()          // of a tenant that has a name; nil for none
	cut      context.Context // ends when that cuts off who is there; nil for none
	stays    context.Context // ends when that is shut; nil for none
	held     int64           // bytes of site.memory
	answer   int64           // bytes of site.answers
	span     *span.Span
}

type exchangeKey struct{}

// protection are headers of every answer. Their values are shared: a handler
// replaces them, and never changes them in place.
var protection = []struct {
	name  string
	value []string
}{
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"X-Frame-Options", []string{"DENY"}},
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
}

func isProtection(name string) bool {
	return slices.ContainsFunc(protection, func(p struct {
		name  string
		value []string
	}) bool {
		return p.name == name
	})
}

// Status is that of the answer; 0 before it has one.
func (x *Exchange) Status() int { return x.response.status }

// Stays ends when the tenant of the request is shut: what goes on until its client leaves
// is to end with it.
func (x *Exchange) Stays() context.Context {
	if x.stays == nil {
		return context.Background()
	}
	return x.stays
}

// From returns the Exchange of a request served by a Site; nil for any other.
func From(ctx context.Context) *Exchange {
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return x
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := &Exchange{ID: requestID(r.Header.Get("X-Request-Id")), XML: wantsXML(r.Header.Get("Accept")), Started: start, site: s}
	x.response = newResponse(w, r, s.config)
	x.response.exchange = x
	r = s.watch(x, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	secure := s.hsts != nil && s.isSecure(r)
	r.RemoteAddr = s.clientAddress(r)
	r, refused := s.enter(x, r)
	defer s.finish(x, r, start)
	x.response.touch(0)

	h := w.Header()
	h.Set("X-Request-Id", x.ID)
	for _, p := range protection {
		h[p.name] = p.value
	}
	if secure {
		h["Strict-Transport-Security"] = s.hsts
	}

	if err := s.admit(r); err != nil {
		Fail(x.response, r, err)
		return
	}
	if refused != nil {
		Fail(x.response, r, refused)
		return
	}
	if err := s.limit(x, r); err != nil {
		s.refuse(x.response, r, err)
		return
	}
	if r.Body != nil && r.Body != http.NoBody {
		body := newPacedBody(w, r, s.config)
		if x.cut != nil {
			body.cut = x.cut
			defer context.AfterFunc(x.cut, body.end)()
		}
		r.Body = body
	}
	s.mux.ServeHTTP(x.response, r)
}

// finish answers a panic, ends the answer and writes the access log.
func (s *Site) finish(x *Exchange, r *http.Request, start time.Time) {
	defer func() {
		s.answers.release(x.answer)
		s.memory.release(x.held)
		x.left()
		x.flight.End()
		s.finished(x, r, time.Since(start))
		if x.exit != nil {
			x.exit()
		}
	}()
	if p := recover(); p != nil {
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			x.response.abort()
			panic(p)
		}
		x.log().Error("panic", "panic", p, "stack", string(debug.Stack()))
		if x.response.started() {
			x.response.abort()
			panic(http.ErrAbortHandler) // the client must see that the answer is incomplete
		}
		x.render(r.Context(), fault.New(fault.Internal, fault.CodeException, "", "%s", internalMessage))
	}
	x.response.close()
	if x.After != nil {
		x.After(x.response.status, x.response.sent)
	}
}

// finished tells of an answer that has left, or was cut off.
func (s *Site) finished(x *Exchange, r *http.Request, took time.Duration) {
	route := x.Route
	if route == "" {
		route = r.Pattern
	}
	s.watched(x, r, route, took)
	if !s.config.Log.Enabled(r.Context(), slog.LevelInfo) {
		return
	}
	attributes := []slog.Attr{
		slog.String("request", x.ID), slog.String("method", r.Method), slog.String("route", route),
		slog.Int("status", x.response.status), slog.Int64("bytes", x.response.sent),
		slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	if trace := x.Trace(); trace != "" {
		attributes = append(attributes, slog.String("trace", trace))
	}
	s.config.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", attributes...)
}

// log is the log with what names the request.
func (x *Exchange) log() *slog.Logger {
	l := x.site.config.Log.With("request", x.ID, "route", x.Route)
	if trace := x.Trace(); trace != "" {
		return l.With("trace", trace)
	}
	return l
}

// wantsXML says whether Accept names XML first, or FHIR's XML anywhere. A
// browser, which names XML after HTML, is better served with JSON.
func wantsXML(accept string) bool {
	return strings.Contains(accept, "fhir+xml") || strings.HasPrefix(accept, "application/xml") || strings.HasPrefix(accept, "text/xml")
}

// requestID keeps a client's id if it is short and plain, so that it can be
// logged and sent back as it is; otherwise it makes one.
func requestID(given string) string {
	if len(given) > 0 && len(given) <= 64 {
		plain := true
		for i := range len(given) {
			c := given[i]
			plain = plain && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_')
		}
		if plain {
			return given
		}
	}
	var b [12]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return hex.EncodeToString(b[:])
}
