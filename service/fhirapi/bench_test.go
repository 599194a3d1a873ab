package fhirapi_test

import (
	"net/http"
	"testing"
)

// sink takes an answer without keeping it.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// BenchmarkRequests measures requests through the middleware, the API, the
// door and SQLite, without the network.
func BenchmarkRequests(b *testing.B) {
	send := benchSite(b, false)
	if status := send("PUT", "/fhir/Patient/alice", alice); status != 201 {
		b.Fatal(status)
	}
	for range 30 {
		if status := send("POST", "/fhir/Observation", weight("o", "alice")); status != 201 {
			b.Fatal(status)
		}
	}
	for _, c := range []struct{ name, method, path, body string }{
		{"read", "GET", "/fhir/Patient/alice", ""},
		{"not found", "GET", "/fhir/Patient/bob", ""},
		{"search", "GET", "/fhir/Observation?patient=alice&_count=20", ""},
		{"search as XML", "GET", "/fhir/Observation?patient=alice&_count=20&_format=xml", ""},
		{"create", "POST", "/fhir/Observation", weight("o", "alice")},
		{"health", "GET", "/fhir/nothing/at/all", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				send(c.method, c.path, c.body)
			}
		})
	}
}
