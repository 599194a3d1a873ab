// Package span tells what a request went through: spans of OpenTelemetry, sent by OTLP
// over HTTP as the environment says. Nothing is made, and nothing is paid, when that
// says nothing.
//
// A span carries names, never values: the route and not the address, the statement and
// not its arguments.
package span

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is what a span is to its trace (opentelemetry/proto/trace/v1, Span.SpanKind).
type Kind int32

// The kinds.
const (
	Internal Kind = 1
	Server   Kind = 2
	Client   Kind = 3
)

// Span is one thing that was done. A nil Span takes everything and does nothing. It is
// safe for concurrent use.
type Span struct {
	tracer *Tracer
	place  Place
	parent [8]byte
	name   string
	kind   Kind
	begun  time.Time

	mu         sync.Mutex
	ended      bool
	failed     string
	attributes []attribute
}

type attribute struct {
	key   string
	value any // string or int64
}

// maxAttributes bounds what a span carries; maxText, how long a text is.
const (
	maxAttributes = 32
	maxText       = 4096
)

type spanKey struct{}

// tracers counts those that are open, so that without one nobody looks for spans.
var tracers atomic.Int32

// Start begins a span below the one in ctx, and returns nil, and ctx as it is, when
// there is none. The caller ends it.
func Start(ctx context.Context, name string) (context.Context, *Span) {
	return StartKind(ctx, name, Internal)
}

// StartKind is Start of another kind than Internal.
func StartKind(ctx context.Context, name string, kind Kind) (context.Context, *Span) {
	if tracers.Load() == 0 {
		return ctx, nil
	}
	above := From(ctx)
	if above == nil {
		return ctx, nil
	}
	return above.tracer.begin(ctx, name, kind, above.place)
}

// From is the span in ctx, nil for none.
func From(ctx context.Context) *Span {
	s, _ := ctx.Value(spanKey{}).(*Span)
	return s
}

// Start begins the span at which this process's part of a trace begins, below the one of
// another process that from names, if it does. It returns nil, and ctx as it is, when
// the trace is not sampled. The caller ends it.
func (t *Tracer) Start(ctx context.Context, name string, kind Kind, from Place) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	if from == (Place{}) {
		_, _ = rand.Read(from.trace[:]) // never fails
	}
	if !t.samples(from) {
		return ctx, nil
	}
	from.sampled = true
	return t.begin(ctx, name, kind, from)
}

func (t *Tracer) begin(ctx context.Context, name string, kind Kind, above Place) (context.Context, *Span) {
	s := &Span{tracer: t, place: above, parent: above.span, name: name, kind: kind, begun: t.clock()}
	_, _ = rand.Read(s.place.span[:]) // never fails
	return context.WithValue(ctx, spanKey{}, s), s
}

// Name replaces the name.
func (s *Span) Name(name string) {
	if s != nil {
		s.mu.Lock()
		s.name = name
		s.mu.Unlock()
	}
}

// Text and Int note something of the span. Names are those of the semantic
// conventions of OpenTelemetry where there is one.
func (s *Span) Text(key, value string) {
	if s != nil && value != "" {
		s.note(key, value[:min(len(value), maxText)])
	}
}

// Int notes a number.
func (s *Span) Int(key string, value int64) {
	if s != nil {
		s.note(key, value)
	}
}

func (s *Span) note(key string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.attributes) < maxAttributes {
		s.attributes = append(s.attributes, attribute{key, value})
	}
}

// Fail says that what was done failed, in words that are no data: a class of errors.
func (s *Span) Fail(words string) {
	if s != nil {
		s.mu.Lock()
		s.failed = words
		s.mu.Unlock()
	}
}

// End ends the span, once.
func (s *Span) End() {
	if s == nil {
		return
	}
	s.mu.Lock()
	ended := s.ended
	s.ended = true
	s.mu.Unlock()
	if !ended {
		s.tracer.queue(s, s.tracer.clock())
	}
}

// Trace is the id of the span's trace in hexadecimal digits; "" of nil.
func (s *Span) Trace() string {
	if s == nil {
		return ""
	}
	return hex.EncodeToString(s.place.trace[:])
}

// Place is where a span is: what processes tell each other in the header traceparent.
type Place struct {
	trace   [16]byte
	span    [8]byte
	sampled bool
}

// samples says whether a trace is kept, as OTEL_TRACES_SAMPLER asks.
func (t *Tracer) samples(p Place) bool {
	if t.config.parents && p.span != ([8]byte{}) {
		return p.sampled
	}
	switch {
	case t.config.ratio >= 1:
		return true
	case t.config.ratio <= 0:
		return false
	}
	return float64(binary.BigEndian.Uint64(p.trace[8:])>>1) < t.config.ratio*math.MaxInt64
}
