// Package web is what every service that speaks HTTP stands on: the request's
// identity, limits and deadlines, encodings, the access log, and the one place
// where an error becomes an answer.
//
// A handler sees an *Exchange through From: what the middleware knows of the
// request. Nothing here knows FHIR beyond OperationOutcome.
package web

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/watch/span"
)

// Config holds the limits of a Site. The zero value of a field means its
// default.
type Config struct {
	Log *slog.Logger // nil: slog.Default()

	// MaxBody bounds a request body, before and after decompression (64 MiB).
	MaxBody int64
	// MaxBodies bounds the memory of all bodies being handled at once, and as
	// much again that of answers that are held (128 MiB). What does not fit
	// waits for Patience, then 503.
	MaxBodies int64
	// MaxRatio is the highest ratio of decompressed to compressed bytes, once
	// a body is larger than a few MiB (100).
	MaxRatio int64
	// Patience is how long a client may stand still while it sends or receives
	// before it is cut off (30 s). Above it, MinRate bytes/s must flow.
	Patience time.Duration
	// MinRate is the slowest acceptable transfer in bytes per second (4096).
	MinRate int64
	// CompressFrom is the smallest answer that is compressed (4 KiB).
	CompressFrom int
	// Hosts are the names, in lower case, by which requests may call this server
	// beside its IP addresses; nil: any. Without authorization they keep the pages
	// of other sites out, whose names can be made to lead here (DNS rebinding).
	Hosts []string
	// Proxies are those in front of this server, whose X-Forwarded-For says where
	// requests come from.
	Proxies []netip.Prefix
	// HSTS is how long browsers are told to come by TLS only (RFC 6797), in answers
	// that leave by TLS: this server's, or that of one of Proxies; 0: not at all.
	HSTS time.Duration
	// Watcher hears of every request; nil: nobody does. Traces has a span made of
	// it; nil: none is.
	Watcher Watcher
	Traces  *span.Tracer
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 64 << 20
	}
	if c.MaxBodies <= 0 {
		c.MaxBodies = 128 << 20
	}
	c.MaxBodies = max(c.MaxBodies, c.MaxBody)
	if c.MaxRatio <= 0 {
		c.MaxRatio = 100
	}
	if c.Patience <= 0 {
		c.Patience = 30 * time.Second
	}
	if c.MinRate <= 0 {
		c.MinRate = 4096
	}
	if c.CompressFrom <= 0 {
		c.CompressFrom = 4 << 10
	}
	return c
}

// slack is how imprecise deadlines may be.
func (c Config) slack() time.Duration { return min(time.Second, c.Patience/4) }

// Site is a mux whose handlers all run inside the middleware.
type Site struct {
	// Lost answers browsers at addresses where nothing is; nil: NotFound does. It is
	// set before the first request.
	Lost http.Handler
	// Limits are those of a tenant, by which requests count by where they come from; nil
	// for one that is not there, or nil as a whole: there are none. It is set before the
	// first request.
	Limits func(tenant string) *limits.Limiter
	// Refused is told of each request that they refuse, by its id, before the answer
	// leaves; nil: nobody is. It is set before the first request.
	Refused func(r *http.Request, tenant, request string)

	config  Config
	mux     *http.ServeMux
	memory  *memory
	answers *memory // as much again
	hsts    []string

	coming sync.Mutex
	guests map[string]*guests // by tenant
}

// New makes an empty Site.
func New(c Config) *Site {
	c = c.withDefaults()
	s := &Site{config: c, mux: http.NewServeMux(), memory: newMemory(c.MaxBodies), answers: newMemory(c.MaxBodies), guests: map[string]*guests{}}
	if c.HSTS > 0 {
		s.hsts = []string{"max-age=" + strconv.FormatInt(int64(c.HSTS/time.Second), 10)}
	}
	s.mux.HandleFunc("/", s.nothing)
	return s
}

func (s *Site) nothing(w http.ResponseWriter, r *http.Request) {
	if s.Lost == nil || r.Method != http.MethodGet || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		NotFound(w, r)
		return
	}
	From(r.Context()).Route = "none"
	s.Lost.ServeHTTP(w, r)
}

// Again serves a request anew, by the path that a handler has given it.
func (s *Site) Again(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Handle mounts h at a ServeMux pattern.
func (s *Site) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Server makes an http.Server for the Site. It has no write timeout: a
// deadline moves with each piece of an answer, so that a slow answer is not
// cut off after its commit and a client that stops reading is.
func (s *Site) Server() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
	}
}
