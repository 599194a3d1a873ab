package browsertest

import (
	"net/http"
	"strings"
	"testing"
)

// An administrator approves an app, finds an access of it, and verifies the log.
func administrator(t *testing.T, b *browser, s *server) {
	p := b.person(t, s, "admin")
	answer, err := http.Post(s.url+"/auth/register", "application/json", strings.NewReader(`{"client_name":"Blood pressure diary",
		"redirect_uris":["https://diary.example/back"],"token_endpoint_auth_method":"none","scope":"launch/patient patient/Observation.rs"}`))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body.Close(); answer.StatusCode != http.StatusCreated {
		t.Fatal(answer.Status)
	}

	p.visit("/").press("Console").press("People and apps").press("Apps").press("Blood pressure diary")
	p.press("Approve").see("approved")

	// An access of somebody else.
	b.person(t, s, "okafor").visit("/clinic/patient/maria").see("Allergies")
	p.reload("/console/audit?patient=maria", "okafor")
	p.visit("/console").press("Privacy").press("Audit")
	p.fill("Patient", "maria").press("Find").see("okafor", "clinic")
	p.find("the access", `() => document.querySelector("tbody th a")`)
	p.press("Verify the log").press("Verify").see("The last verification", "The log is whole")
}
