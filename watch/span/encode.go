package span

import (
	"encoding/binary"
	"strings"
	"time"
)

// What follows is protobuf, as opentelemetry/proto/trace/v1/trace.proto numbers its
// fields. The test reads it with OpenTelemetry's own code.

// encode makes an ExportTraceServiceRequest of one ResourceSpans.
func (t *Tracer) encode(batch []done) []byte {
	var resource, scope, of []byte
	for _, a := range t.config.resource {
		resource = message(resource, 1, a.encode())
	}
	scope = text(scope, 1, "github.com/inglehealth/ingle")
	of = message(of, 1, scope)
	for _, s := range batch {
		of = message(of, 2, s.encode())
	}
	body := message(message(nil, 1, resource), 2, of)
	body = message(nil, 1, body)
	if t.config.gzip {
		return zipped(body)
	}
	return body
}

func (s done) encode() (b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b = message(b, 1, s.place.trace[:])
	b = message(b, 2, s.place.span[:])
	if s.parent != ([8]byte{}) {
		b = message(b, 4, s.parent[:])
	}
	b = text(b, 5, s.name)
	b = integer(b, 6, uint64(s.kind))
	b = fixed(b, 7, moment(s.begun))
	b = fixed(b, 8, moment(s.ended))
	for _, a := range s.attributes {
		b = message(b, 9, a.encode())
	}
	if s.failed != "" {
		b = message(b, 15, integer(text(nil, 2, s.failed), 3, 2)) // STATUS_CODE_ERROR
	}
	return b
}

func moment(t time.Time) uint64 { return uint64(t.UnixNano()) }

// encode makes a KeyValue.
func (a attribute) encode() []byte {
	var value []byte
	switch v := a.value.(type) {
	case string:
		value = text(value, 1, v)
	case int64:
		value = integer(value, 3, uint64(v))
	}
	return message(text(nil, 1, a.key), 2, value)
}

// The wire types of protobuf.
const (
	varint = 0
	eight  = 1
	length = 2
)

func tag(b []byte, field, wire uint64) []byte { return binary.AppendUvarint(b, field<<3|wire) }

func message(b []byte, field uint64, of []byte) []byte {
	return append(binary.AppendUvarint(tag(b, field, length), uint64(len(of))), of...)
}

func text(b []byte, field uint64, s string) []byte {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return append(binary.AppendUvarint(tag(b, field, length), uint64(len(s))), s...)
}

func integer(b []byte, field, n uint64) []byte { return binary.AppendUvarint(tag(b, field, varint), n) }

func fixed(b []byte, field, n uint64) []byte {
	return binary.LittleEndian.AppendUint64(tag(b, field, eight), n)
}
