package fhirapi_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/inglehealth/ingle/internal/cputest"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store/sqlite"
)

// BenchmarkLimited measures requests of a user of an app without limits, and with the
// default ones, all of which allow what is asked for, in CPU time of the process.
func BenchmarkLimited(b *testing.B) {
	for _, with := range []string{"without", "with"} {
		send := limitedSite(b, with == "with")
		if status := send("PUT", "/fhir/Patient/alice", alice); status != 201 {
			b.Fatal(status)
		}
		for range 30 {
			if status := send("POST", "/fhir/Observation", weight("o", "alice")); status != 201 {
				b.Fatal(status)
			}
		}
		for _, c := range []struct{ name, path string }{
			{"read", "/fhir/Patient/alice"},
			{"search", "/fhir/Observation?patient=alice&_count=20"},
			{"search by two", "/fhir/Observation?patient=alice&status=final&_count=20&_sort=-date"},
		} {
			b.Run(with+"/"+c.name, func(b *testing.B) {
				before := cputest.Used(b)
				for b.Loop() {
					if status := send("GET", c.path, ""); status != 200 {
						b.Fatal(status)
					}
				}
				b.ReportMetric(float64(cputest.Used(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// limitedSite is a site to which requests go past the network, from 192.0.2.1.
func limitedSite(b *testing.B, limited bool) (send func(method, path, body string) int) {
	b.Helper()
	store, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	c := records.Config{Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir", Policy: records.DefaultPolicy()}
	who := records.Principal{}
	api := fhirapi.Config{}
	if limited {
		who = records.Principal{ID: "maria", Client: "growth"}
		api.Gate = limits.NewGate(limits.GateConfig{Slots: 16})
		for _, r := range limits.Defaults() {
			if r.Limit.Per != 0 {
				r.Limit.Amount, r.Limit.Burst = 1_000_000_000, 1_000_000_000 // the benchmark is no person
			}
			c.Limits = append(c.Limits, r)
		}
	}
	door, err := records.Open(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	api.Tenants = records.NewTenants(door)
	b.Cleanup(func() {
		if err := api.Tenants.Close(); err != nil {
			b.Error(err)
		}
	})
	api.Authenticate = func(_ *http.Request, d *records.Door) (*records.Session, error) { return d.Session(who, nil), nil }
	api.OAuth = func(*records.Door) fhirapi.OAuth { return fhirapi.OAuth{} }
	site := web.New(web.Config{Log: slog.New(slog.DiscardHandler)})
	if limited {
		site.Limits = func(string) *limits.Limiter { return door.Limits() }
	}
	fhirapi.New(api).Mount(site)
	return pastNetwork(b, site)
}
