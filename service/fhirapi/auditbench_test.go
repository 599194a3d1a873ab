package fhirapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/cputest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store/sqlite"
)

// BenchmarkAudited measures requests of 64 clients without and with the audit log, in
// CPU time of the process: what others do on the machine changes it less.
func BenchmarkAudited(b *testing.B) {
	for _, with := range []string{"without", "with"} {
		send := benchSite(b, with == "with")
		if status := send("PUT", "/fhir/Patient/alice", alice); status != 201 {
			b.Fatal(status)
		}
		for range 30 {
			if status := send("POST", "/fhir/Observation", weight("o", "alice")); status != 201 {
				b.Fatal(status)
			}
		}
		for _, c := range []struct {
			name, method, path, body string
			want                     int
		}{
			{"read", "GET", "/fhir/Patient/alice", "", 200},
			{"search", "GET", "/fhir/Observation?patient=alice&_count=20", "", 200},
			{"create", "POST", "/fhir/Observation", weight("o", "alice"), 201},
		} {
			b.Run(with+"/"+c.name, func(b *testing.B) {
				b.SetParallelism(32)
				before := cputest.Used(b)
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						if status := send(c.method, c.path, c.body); status != c.want {
							b.Errorf("%d", status)
						}
					}
				})
				b.ReportMetric(float64(cputest.Used(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// benchSite is a site of its own, with or without an audit log, to which requests go
// past the network.
func benchSite(b *testing.B, audited bool) (send func(method, path, body string) int) {
	b.Helper()
	store, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	c := records.Config{Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir", Policy: records.DefaultPolicy()}
	if audited {
		c.Audit = openAudit(store, c.Base)
	}
	door, err := records.Open(b.Context(), c)
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
	return pastNetwork(b, site)
}

// pastNetwork sends requests to a site, and gives their status.
func pastNetwork(b *testing.B, site http.Handler) func(method, path, body string) int {
	return func(method, path, body string) int {
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
}
