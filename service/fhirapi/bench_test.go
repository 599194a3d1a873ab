package fhirapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store/sqlite"
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
	store, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	door, err := records.Open(b.Context(), records.Config{
		Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir", Policy: records.DefaultPolicy(),
	})
	if err != nil {
		b.Fatal(err)
	}
	tenants := records.NewTenants(door)
	b.Cleanup(func() {
		if err := tenants.Close(); err != nil {
			b.Error(err)
		}
	})
	site := web.New(web.Config{Log: slog.New(slog.DiscardHandler)})
	fhirapi.New(fhirapi.Config{Tenants: tenants}).Mount(site)
	send := func(method, path, body string) int {
		r := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(body))
		if body == "" {
			r.Body = http.NoBody
		} else {
			r.Header.Set("Content-Type", "application/fhir+json")
		}
		w := &sink{header: http.Header{}}
		site.ServeHTTP(w, r)
		return w.status
	}
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
