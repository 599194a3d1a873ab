package clinic_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/placetest"
)

// consent stores the one Consent of a patient.
func (w *ward) consent(patient, provision string) {
	w.Put(fmt.Sprintf(`{"resourceType":"Consent","id":"of-%s","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/%s"},"dateTime":"2026-02-01","provision":%s}`, patient, patient, provision))
}

const deniesTreatment = `{"type":"permit","provision":[{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]}`

func TestWhoBreaksTheGlassSeesAHiddenPatient(t *testing.T) {
	w := newWard(t)
	w.sick()
	w.consent("ann", deniesTreatment)
	b := w.as("noor")
	b.Get("/clinic/patient/ann").Want(404).Has("There is no chart to show", "break the glass").Lacks("Archer")
	b.Get("/clinic?q=archer").Want(200).Has("Nobody is found").Lacks("Ann Archer")
	ask := func(patient, reason string) placetest.Answer {
		t.Helper()
		return b.send("/clinic/emergency?patient="+patient, "/clinic/emergency", "patient", patient, "reason", reason)
	}
	ask("ann", "short").Want(422).Has("Say why", `href="#reason"`)
	ask("", "brought in unconscious").Want(422).Has("Say which patient")
	ask("HS-2", "brought in unconscious").Want(422).Has("There is no patient with this number", `href="#patient"`)
	b.follow(ask("HS-1", "brought in unconscious")).Want(200).Has("Ann Archer", "Penicillin", "You have broken the glass for this record, until 10:00 UTC, 1 March 2026", "End it")
	for _, path := range []string{"/timeline", "/results", "/list/problems", "/apps", "/add/vital", "/glass"} {
		b.Get("/clinic/patient/ann" + path).Want(200).Has("You have broken the glass")
	}
	b.Get("/clinic/patient/bob").Want(200).Lacks("You have broken the glass")
	b.send("/clinic/patient/ann/glass", "/clinic/patient/ann/glass").Want(303)
	b.Get("/clinic/patient/ann").Want(404)
	b.follow(ask("ann", "brought in unconscious again")).Want(200).Has("Penicillin")
	for range 3 { // less than a session is idle for
		w.Pass(19 * time.Minute)
		b.Get("/clinic/patient/ann").Want(200)
	}
	w.Pass(3 * time.Minute)
	b.Get("/clinic/patient/ann").Want(404)
	if all, err := w.Identity.Glasses(t.Context(), true); err != nil || len(all) != 2 || all[0].Reason == "" {
		t.Error(all, err)
	}
}

func TestTheGlassHoldsInTheClinicWhereItMust(t *testing.T) {
	w := newWard(t)
	w.sick()
	w.consent("ann", `{"type":"permit","provision":[{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]}`)
	b := w.as("noor")
	for _, patient := range []string{"ann", "HS-1", "nobody", "../ann", `"><script>`} {
		b.send("/clinic/emergency", "/clinic/emergency", "patient", patient, "reason", "brought in unconscious").Want(422).Has("There is no patient with this number for whom you can break the glass.")
	}
	// Whoever does not break the glass does not learn either who is there.
	w.consent("ann", deniesTreatment)
	desk := w.as("desk")
	desk.Get("/clinic/emergency").Want(403)
	for _, patient := range []string{"ann", "HS-1", "nobody"} {
		b.send("/clinic/emergency", "/clinic/emergency", "patient", patient, "reason", "short").Want(422).Has("Say why").Lacks("There is no patient")
		desk.send("/clinic", "/clinic/emergency", "patient", patient, "reason", "brought in unconscious").Want(403).Has("none of your roles allows breaking the glass")
	}
	desk.Get("/clinic/patient/ann").Lacks("break the glass")
	if all, err := w.Identity.Glasses(t.Context(), true); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}
