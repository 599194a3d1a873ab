package auth_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/cputest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store/sqlite"
)

// What a token costs a request: from its header to the session.
func BenchmarkAuthenticate(b *testing.B) {
	a, door, token := benchToken(b)
	r, err := http.NewRequestWithContext(b.Context(), "GET", "https://ehr.example/fhir/Patient/1", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(r, door); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWithAToken is requests of 64 clients past the network, with authorization
// and without, in CPU time of the process: what others do on the machine changes it
// less.
func BenchmarkWithAToken(b *testing.B) {
	const weight = `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"subject":{"reference":"Patient/alice"},"valueQuantity":{"value":71.5,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`
	var sites [2]func(method, path, body string) int
	for i := range sites {
		a, door, token := benchToken(b)
		c := fhirapi.Config{Tenants: records.NewTenants(door)}
		if i == 1 {
			c.Authenticate = a.Authenticate
		}
		site := web.New(web.Config{Log: slog.New(slog.DiscardHandler)})
		fhirapi.New(c).Mount(site)
		sites[i] = func(method, path, body string) int {
			r := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", "application/fhir+json")
			if body == "" {
				r.Body = http.NoBody
			}
			w := httptest.NewRecorder()
			site.ServeHTTP(w, r)
			return w.Code
		}
		if status := sites[i]("PUT", "/fhir/Patient/alice", `{"resourceType":"Patient","id":"alice"}`); status != 201 {
			b.Fatal(status)
		}
		for range 30 {
			if status := sites[i]("POST", "/fhir/Observation", weight); status != 201 {
				b.Fatal(status)
			}
		}
	}
	for _, c := range []struct {
		name, method, path, body string
		want                     int
	}{
		{"read", "GET", "/fhir/Patient/alice", "", 200},
		{"search", "GET", "/fhir/Observation?patient=alice&_count=20", "", 200},
		{"create", "POST", "/fhir/Observation", weight, 201},
		{"update", "PUT", "/fhir/Patient/alice", `{"resourceType":"Patient","id":"alice"}`, 200},
	} {
		for i, with := range []string{"without", "with"} {
			b.Run(c.name+"/"+with, func(b *testing.B) {
				b.SetParallelism(32)
				before := cputest.Used(b)
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						if status := sites[i](c.method, c.path, c.body); status != c.want {
							b.Errorf("%d", status)
						}
					}
				})
				b.ReportMetric(float64((cputest.Used(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// benchToken is an authorization server, its records and a token for all of them.
func benchToken(b *testing.B) (a *auth.Server, door *records.Door, token string) {
	b.Helper()
	store, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	door, err = records.Open(b.Context(), records.Config{Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := door.Close(); err != nil {
			b.Error(err)
		}
	})
	id, err := identity.Open(b.Context(), identity.Config{Store: store, Issuer: "https://ehr.example", Secret: identity.NewKeyFile(b.TempDir() + "/key")})
	if err != nil {
		b.Fatal(err)
	}
	token, err = id.CreateToken(b.Context(), "bench", smart.Scopes{"system/*.cruds"}, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	return auth.New(auth.Config{Tenants: []auth.Tenant{{Door: door, Identity: id}}}), door, token
}
