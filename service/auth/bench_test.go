package auth_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store/sqlite"
)

// What a token costs a request: from its header to the session.
func BenchmarkAuthenticate(b *testing.B) {
	store, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	door, err := records.Open(b.Context(), records.Config{Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir"})
	if err != nil {
		b.Fatal(err)
	}
	defer door.Close()
	id, err := identity.Open(b.Context(), identity.Config{Store: store, Issuer: "https://ehr.example", Secret: identity.NewKeyFile(b.TempDir() + "/key")})
	if err != nil {
		b.Fatal(err)
	}
	token, err := id.CreateToken(b.Context(), "bench", smart.Scopes{"system/*.cruds"}, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	a := auth.New(auth.Config{Tenants: []auth.Tenant{{Door: door, Identity: id}}})
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
