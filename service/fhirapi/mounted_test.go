package fhirapi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// withWork is a server with an operation of another service.
func withWork(t *testing.T) *server {
	t.Helper()
	door, err := records.Open(t.Context(), records.Config{Name: "", Store: openStore(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir", Policy: records.DefaultPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, base: "https://ehr.example/fhir"}
	site := web.Config{Log: slog.New(slog.DiscardHandler)}
	s.start(site, fhirapi.Config{
		Tenants: records.NewTenants(door), Version: "test", Log: site.Log,
		Operations: []fhirapi.Mounted{{
			Name: "work", URL: "https://ingle.health/fhir/OperationDefinition/work", Doc: "Works.", System: true, Instance: true, Types: []fhir.Type{"", "Group"},
			Methods: []string{"POST", "DELETE"}, Below: true,
			Serve: func(w http.ResponseWriter, r *http.Request, at fhirapi.Place) error {
				if at.Rest == "missing" {
					return fault.New(fault.NotFound, fault.CodeNotFound, "", "there is no such work")
				}
				_, err := fmt.Fprint(w, r.Method, " ", at.Key.Type, " ", at.Key.ID, " ", at.Rest, " ", at.Session.Door() == door)
				return err
			},
		}},
	})
	return s
}

func TestAnOperationOfAnotherServiceIsServedBelowTheBase(t *testing.T) {
	s := withWork(t)
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/$work", "POST    true"},
		{"DELETE", "/$work/1/file", "DELETE   1/file true"},
		{"POST", "/Group/g/$work", "POST Group g  true"},
	} {
		if a := s.do(c.method, c.path, "").want(200); a.body != c.want {
			t.Errorf("%s %s: %q", c.method, c.path, a.body)
		}
	}
	s.do("POST", "/$work/missing", "").want(404).has("there is no such work")
	s.get("/$work").want(405).header("Allow", "DELETE, OPTIONS, POST")
	s.do("POST", "/Patient/1/$work", "").want(404)
	s.do("POST", "/Group/g/$work/1", "").want(404)
	if body := s.get("/metadata").want(200).body; !strings.Contains(body, `{"name":"work","definition":"https://ingle.health/fhir/OperationDefinition/work","documentation":"Works."}`) {
		t.Error("the CapabilityStatement does not list it")
	}
}
