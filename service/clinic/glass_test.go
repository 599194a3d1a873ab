package clinic_test

import (
	"fmt"
	"testing"
	"time"
)

// consent stores the one Consent of a patient.
func (w *ward) consent(patient, provision string) {
	w.put(fmt.Sprintf(`{"resourceType":"Consent","id":"of-%s","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/%s"},"dateTime":"2026-02-01","provision":%s}`, patient, patient, provision))
}

const deniesTreatment = `{"type":"permit","provision":[{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]}`

func TestWhoBreaksTheGlassSeesAHiddenPatient(t *testing.T) {
	w := newWard(t)
	w.sick()
	w.consent("ann", deniesTreatment)
	b := w.as("noor")
	b.get("/clinic/patient/ann").want(404).has("There is no chart to show", "break the glass").hasNot("Archer")
	b.get("/clinic?q=archer").want(200).has("Nobody is found").hasNot("Ann Archer")
	ask := func(patient, reason string) answer {
		t.Helper()
		return b.send("/clinic/emergency?patient="+patient, "/clinic/emergency", "patient", patient, "reason", reason)
	}
	ask("ann", "short").want(422).has("Say why", `href="#reason"`)
	ask("", "brought in unconscious").want(422).has("Say which patient")
	ask("HS-2", "brought in unconscious").want(422).has("There is no patient with this number", `href="#patient"`)
	ask("HS-1", "brought in unconscious").follow().want(200).has("Ann Archer", "Penicillin", "You have broken the glass for this record, until 10:00 UTC, 1 March 2026", "End it")
	for _, path := range []string{"/timeline", "/results", "/list/problems", "/apps", "/add/vital", "/glass"} {
		b.get("/clinic/patient/ann" + path).want(200).has("You have broken the glass")
	}
	b.get("/clinic/patient/bob").want(200).hasNot("You have broken the glass")
	b.send("/clinic/patient/ann/glass", "/clinic/patient/ann/glass").want(303)
	b.get("/clinic/patient/ann").want(404)
	ask("ann", "brought in unconscious again").follow().want(200).has("Penicillin")
	for range 3 { // less than a session is idle for
		w.pass(19 * time.Minute)
		b.get("/clinic/patient/ann").want(200)
	}
	w.pass(3 * time.Minute)
	b.get("/clinic/patient/ann").want(404)
	if all, err := w.identity.Glasses(t.Context(), true); err != nil || len(all) != 2 || all[0].Reason == "" {
		t.Error(all, err)
	}
}

func TestTheGlassHoldsInTheClinicWhereItMust(t *testing.T) {
	w := newWard(t)
	w.sick()
	w.consent("ann", `{"type":"permit","provision":[{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]}`)
	b := w.as("noor")
	for _, patient := range []string{"ann", "HS-1", "nobody", "../ann", `"><script>`} {
		b.send("/clinic/emergency", "/clinic/emergency", "patient", patient, "reason", "brought in unconscious").want(422).has("There is no patient with this number for whom you can break the glass.")
	}
	desk := w.as("desk")
	desk.get("/clinic/emergency").want(403)
	desk.get("/clinic/patient/ann").hasNot("break the glass")
	if all, err := w.identity.Glasses(t.Context(), true); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}
