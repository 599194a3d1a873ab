package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/inglehealth/ingle/watch/span"
)

// Watcher is told of requests. It waits for nobody.
type Watcher interface {
	Begun()
	// Answered comes once after each Begun.
	Answered(r *http.Request, a Answer)
}

// Answer is what a Watcher hears of one request.
type Answer struct {
	Route  string // of Exchange
	Status int
	Bytes  int64 // of the body, as sent
	Took   time.Duration
	// Streamed says that the answer goes on while something happens, so that how long it
	// took says nothing.
	Streamed bool
}

// watch begins what is told of a request, its span first, and returns the request
// that carries it.
func (s *Site) watch(x *Exchange, r *http.Request) *http.Request {
	if s.config.Watcher != nil {
		s.config.Watcher.Begun()
	}
	if s.config.Traces == nil {
		return r
	}
	ctx, root := s.config.Traces.Start(r.Context(), r.Method, span.Server, span.Parent(r.Header))
	if root == nil {
		return r
	}
	x.span = root
	root.Text("ingle.request", x.ID)
	root.Text("http.request.method", r.Method)
	return r.WithContext(ctx)
}

// watched ends what watch began.
func (s *Site) watched(x *Exchange, r *http.Request, route string, took time.Duration) {
	status := x.response.status
	if x.span != nil {
		x.span.Name(r.Method + " " + route)
		x.span.Text("http.route", route)
		x.span.Int("http.response.status_code", int64(status))
		x.span.Int("http.response.body.size", x.response.sent)
		if status >= http.StatusInternalServerError {
			x.span.Fail(http.StatusText(status))
		}
		x.span.End()
	}
	if s.config.Watcher != nil {
		streamed := status == http.StatusSwitchingProtocols || strings.HasPrefix(x.response.Header().Get("Content-Type"), "text/event-stream")
		s.config.Watcher.Answered(r, Answer{Route: route, Status: status, Bytes: x.response.sent, Took: took, Streamed: streamed})
	}
}

// Trace is the id of the trace of which the request is a part, "" when there is none.
func (x *Exchange) Trace() string { return x.span.Trace() }
