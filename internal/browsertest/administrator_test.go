package browsertest

import "testing"

// An administrator approves an app, finds an access of it, and verifies the log.
func administrator(t *testing.T, b *browser, s *server) {
	p := b.person(t, s, "admin")
	p.visit("/account/developer/new")
	p.fill("Name", "Blood pressure diary").fill("Addresses", "https://diary.example/back")
	p.press("Register").see("Blood pressure diary")

	p.visit("/").press("Console").press("Apps").press("Blood pressure diary")
	p.press("Approve").see("approved")

	// An access of somebody else.
	b.person(t, s, "okafor").visit("/clinic/patient/maria").see("Allergies")
	p.visit("/console").press("Audit")
	p.fill("Patient", "maria").press("Find").see("okafor", "clinic")
	p.find("the access", `() => document.querySelector("tbody th a")`)
	p.press("Verify the log").press("Verify").see("The last verification", "The log is whole")
}
